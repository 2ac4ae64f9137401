package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
)

// alone is a store of this process's own: what must be done in it for a token, and
// nothing around it.
type alone struct {
	b      *testing.B
	db     *db.DB
	client *gatehouse.Client
}

func openAlone(b *testing.B) *alone {
	b.Helper()
	data := b.TempDir()
	key := store(b, data, "http://127.0.0.1:1").key
	d, err := db.Open(b.Context(), filepath.Join(data, "gatehouse.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	})
	client, err := d.Client(b.Context(), key)
	if err != nil {
		b.Fatal(err)
	}
	return &alone{b: b, db: d, client: client}
}

// issue stores the first refresh token of a family, and returns it.
func (a *alone) issue() (token string, err error) {
	token = gatehouse.NewRefreshToken()
	says := a.client.Authorize(&a.client.Owner, []string{"read"}, time.Now())
	return token, a.db.CreateRefreshToken(a.b.Context(), a.client.Issue(says, token))
}

// rotating rotates refresh tokens.
func (a *alone) rotating() contender {
	a.b.Helper()
	var live [chains]*gatehouse.RefreshToken
	for i := range live {
		token, err := a.issue()
		if err != nil {
			a.b.Fatal(err)
		}
		if live[i], _, err = a.db.RefreshToken(a.b.Context(), gatehouse.HashToken(token)); err != nil {
			a.b.Fatal(err)
		}
	}
	return contender{workers: chains, cpu: ownCPU, do: func(worker int) error {
		next := live[worker].Next(&a.client.Keys, gatehouse.NewRefreshToken(), time.Now())
		rotated, err := a.db.RotateRefreshToken(a.b.Context(), live[worker].Hash, next, nil)
		if err == nil && !rotated {
			return fmt.Errorf("a refresh token does not rotate")
		}
		live[worker] = next
		return err
	}}
}

// code stores an authorization code, as consent does.
func (a *alone) code() (string, error) {
	now, handle := time.Now(), gatehouse.HashToken(gatehouse.NewHandle())
	err := a.db.CreatePending(a.b.Context(), &gatehouse.Pending{
		Hash: handle, Kind: gatehouse.PendingAuthorize, ConsumerKey: a.client.ConsumerKey, Says: []byte("{}"), ExpiresAt: now.Add(gatehouse.PendingLifetime),
	})
	if err != nil {
		return "", err
	}
	asks := gatehouse.AuthorizationRequest{RedirectURI: callback, Challenge: challenge()}
	text, code := a.client.NewCode(&asks, a.client.Owner.ID, []string{"read"}, gatehouse.SignIn{At: now}, now)
	consent := gatehouse.Consent{UserID: a.client.Owner.ID, ConsumerKey: a.client.ConsumerKey, Scopes: code.Scopes, At: now}
	return text, a.db.CreateCode(a.b.Context(), handle, code, consent)
}

// useCode uses a code up and stores the refresh token that comes of it.
func (a *alone) useCode(code string) error {
	now := time.Now()
	err := a.db.UseCode(a.b.Context(), gatehouse.HashToken(code), now, func(c *gatehouse.Code) error {
		if c.Use(&a.client.Keys, callback, verifier, "", now) != gatehouse.CodeGives {
			return fmt.Errorf("a code gives nothing")
		}
		return nil
	})
	if err == nil {
		_, err = a.issue()
	}
	return err
}

// device stores a device code that a user has allowed.
func (a *alone) device() (string, error) {
	code, now := gatehouse.NewDeviceCode(), time.Now()
	return code, a.db.CreateDeviceCode(a.b.Context(), &gatehouse.DeviceCode{
		Hash: gatehouse.HashToken(code), UserCode: gatehouse.HashToken(gatehouse.NewHandle()), ConsumerKey: a.client.ConsumerKey,
		Carries: gatehouse.Carries{Scopes: []string{"read"}}, State: gatehouse.DeviceAllowed, UserID: a.client.Owner.ID,
		Interval: gatehouse.DeviceInterval, ExpiresAt: now.Add(gatehouse.DeviceLifetime),
	}, 2*inputs, now)
}

// useDevice uses a device code up and stores the refresh token that comes of it.
func (a *alone) useDevice(code string) error {
	err := a.db.PollDeviceCode(a.b.Context(), gatehouse.HashToken(code), func(d *gatehouse.DeviceCode) gatehouse.DevicePoll {
		return d.Poll(a.client.ConsumerKey, time.Now())
	})
	if err == nil {
		_, err = a.issue()
	}
	return err
}

// useOnce notes that an assertion or a proof was used.
func (a *alone) useOnce(id string) error {
	return a.db.UseOnce(a.b.Context(), gatehouse.HashToken(id), time.Now().Add(time.Minute))
}

// signature signs, and verifies, as an access token is: SHA-256 and ES256.
func signature(b *testing.B) (sign, verify contender) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	text := make([]byte, 600) // as long as a token is
	digest := sha256.Sum256(text)
	signed, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	cores := runtime.GOMAXPROCS(0)
	return contender{workers: cores, cpu: ownCPU, do: func(int) error {
			digest := sha256.Sum256(text)
			_, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
			return err
		}}, contender{workers: cores, cpu: ownCPU, do: func(int) error {
			digest := sha256.Sum256(text)
			if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signed) {
				return fmt.Errorf("a signature does not verify")
			}
			return nil
		}}
}
