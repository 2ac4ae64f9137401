package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/db"
)

func BenchmarkToken(b *testing.B) {
	h := furnish(b)
	server := cpuOf(h.PID())
	floorURL, floorCPU := startFloor(b, h.backend)

	b.Run("password", func(b *testing.B) {
		form, salt := passwordForm(), []byte("0123456789abcdef")
		grant := contender{workers: 2 * runtime.GOMAXPROCS(0), cpu: server, do: func(int) error { _, _, err := h.ask(form); return err }}
		hash := contender{workers: runtime.GOMAXPROCS(0), cpu: ownCPU, do: func(int) error {
			argon2.IDKey([]byte(password), salt, 2, 19*1024, 1, 32)
			return nil
		}}
		for b.Loop() {
			f := byTurns(b, grant, hash)
			report(b, "POST /token, password", f[0], "bare Argon2id (19 MiB, t 2, p 1)", f[1].String(), median(f[1].cpu))
		}
	})

	b.Run("refresh", func(b *testing.B) {
		grant := h.refreshing(b, server)
		transaction := rotating(b)
		for b.Loop() {
			f := byTurns(b, grant, transaction)
			report(b, "POST /token, refresh", f[0], "its transaction alone", f[1].String(), median(f[1].cpu))
		}
	})

	b.Run("client_credentials", func(b *testing.B) {
		grant := contender{workers: chains, cpu: server, do: func(int) error { _, _, err := h.ask("grant_type=client_credentials"); return err }}
		empty := contender{workers: chains, cpu: floorCPU, do: func(int) error { return h.send("POST", floorURL+"/empty", "") }}
		sign, _ := signature(b)
		for b.Loop() {
			f := byTurns(b, grant, empty, sign)
			report(b, "POST /token, client_credentials", f[0], "ES256 signature + empty POST",
				fmt.Sprintf("%s + %s", f[2], f[1]), median(f[1].cpu)+median(f[2].cpu))
		}
	})
}

// chains is how many clients refresh at once, each its own token.
const chains = 8

func (h *house) refreshing(b *testing.B, cpu cpuTime) contender {
	b.Helper()
	var tokens [chains]string
	for i := range tokens {
		var err error
		if _, tokens[i], err = h.ask(passwordForm()); err != nil {
			b.Fatal(err)
		}
	}
	return contender{workers: chains, cpu: cpu, do: func(worker int) (err error) {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens[worker]}}
		_, tokens[worker], err = h.ask(form.Encode())
		return err
	}}
}

// rotating rotates refresh tokens in a store of its own, in this process.
func rotating(b *testing.B) contender {
	b.Helper()
	data := b.TempDir()
	key, _ := store(b, data, "http://127.0.0.1:1")
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
	var hashes [chains]string
	for i := range hashes {
		token := gatehouse.NewRefreshToken()
		a := client.Authorize(&client.Owner, []string{"read"}, time.Now())
		if err := d.CreateRefreshToken(b.Context(), client.Issue(a, token)); err != nil {
			b.Fatal(err)
		}
		hashes[i] = gatehouse.HashToken(token)
	}
	ctx := b.Context()
	return contender{workers: chains, cpu: ownCPU, do: func(worker int) error {
		token := gatehouse.NewRefreshToken()
		err := d.UseRefreshToken(ctx, hashes[worker], func(t *gatehouse.RefreshToken) (gatehouse.Rotation, error) {
			return gatehouse.Rotation{Next: t.Next(&client.Keys, token, time.Now())}, nil
		})
		hashes[worker] = gatehouse.HashToken(token)
		return err
	}}
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
