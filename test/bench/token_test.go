package bench

import (
	"fmt"
	"net/url"
	"runtime"
	"testing"

	"golang.org/x/crypto/argon2"
)

func BenchmarkToken(b *testing.B) {
	h := furnish(b)
	server := cpuOfTree(b, h.PID())
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

	empty := contender{workers: chains, cpu: floorCPU, do: func(int) error { return h.send("POST", floorURL+"/empty", "") }}
	sign, _ := signature(b)

	b.Run("refresh", func(b *testing.B) {
		grant := h.refreshing(b, server)
		transaction := openAlone(b).rotating()
		for b.Loop() {
			f := byTurns(b, grant, transaction, empty, sign)
			report(b, "POST /token, refresh", f[0], "its transaction alone", f[1].String(), median(f[1].cpu))
			report(b, "POST /token, refresh", f[0], "its transaction, ES256 signature + empty POST",
				fmt.Sprintf("%s, %s + %s", f[1], f[3], f[2]), median(f[1].cpu)+median(f[2].cpu)+median(f[3].cpu))
		}
	})

	b.Run("client_credentials", func(b *testing.B) {
		grant := contender{workers: chains, cpu: server, do: func(int) error { _, _, err := h.ask("grant_type=client_credentials"); return err }}
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
