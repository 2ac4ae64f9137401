package token_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
	"github.com/gatehouse/gatehouse/internal/token"
)

// check 53: what was issued before a restart is good after it.
func TestKeysSurviveARestart(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "gatehouse.db")
	first := openMint(t, dsn)
	var texts []string
	for _, k := range formats {
		text, _ := first.issue(t, clientOf(k), "john")
		texts = append(texts, text)
	}
	second := openMint(t, dsn)
	for _, text := range texts {
		second.want(t, text, lives)
	}
	if a, b := len(first.published(t).Keys), len(second.published(t).Keys); a != b {
		t.Errorf("%d keys before, %d after", a, b)
	}
}

func TestAnotherMasterKeyIsRefusedAndToldWhy(t *testing.T) {
	m := newMint(t)
	keys := &token.Keys{Store: m.db, MasterKey: [32]byte{9}, Now: time.Now}
	err := keys.Load(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the master key does not open it: is this the data folder that it was made with?") {
		t.Errorf("the error is %v", err)
	}
	sealed, err := m.db.SigningKeys(t.Context())
	must(t, err)
	if len(sealed) != 1 {
		t.Errorf("there are %d keys: it made one of its own", len(sealed))
	}
}

// check 65: nobody who reads the database can sign.
func TestKeysAreSealedAtRest(t *testing.T) {
	m := newMint(t)
	sealed, err := m.db.SigningKeys(t.Context())
	must(t, err)
	for _, k := range sealed {
		if strings.Contains(k.Sealed, "PRIVATE") || strings.HasPrefix(k.Sealed, "MIG") {
			t.Errorf("a key is stored as it is: %s", k.Sealed)
		}
	}
}

func TestAKeyIsMadeOnceHoweverManyAskForIt(t *testing.T) {
	m := newMint(t)
	c := clientOf(formats["RS256"])
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := m.Issue(context.Background(), c, c.Authorize(nil, nil, m.now)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(m.published(t).Keys); got != 2 {
		t.Errorf("there are %d keys, want one of each algorithm", got)
	}
}

func TestAnAlgorithmThatThereIsNotMakesNoKey(t *testing.T) {
	m := newMint(t)
	c := clientOf(gatehouse.Keys{Format: gatehouse.FormatJWT, Algorithm: "HS256"})
	if text, err := m.Issue(t.Context(), c, c.Authorize(nil, nil, m.now)); err == nil {
		t.Errorf("issued %q", text)
	}
}

// noKeys is a store whose signing keys cannot be read.
type noKeys struct{ *db.DB }

func (noKeys) SigningKeys(context.Context) (gatehouse.KeyRing, error) { return nil, errDown }

func TestKeysStayWhenTheyCannotBeReadAgain(t *testing.T) {
	m := newMint(t)
	text, _ := m.issue(t, clientOf(formats["ES256"]), "john")
	m.Keys.Store = noKeys{m.db}
	if err := m.Keys.Reload(t.Context()); err == nil {
		t.Error("the failure is not told")
	}
	m.want(t, text, lives)
	m.issue(t, clientOf(formats["ES256"]), "john")
}
