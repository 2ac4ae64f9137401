package bench

import (
	"fmt"
	"testing"
)

func BenchmarkGateway(b *testing.B) {
	h := furnish(b)
	server := cpuOfTree(b, h.PID())
	floorURL, floorCPU := startFloor(b, h.backend)
	token, _, err := h.ask(passwordForm())
	if err != nil {
		b.Fatal(err)
	}
	call := contender{workers: callers, cpu: server, do: func(int) error { return h.send("GET", h.GatewayHTTP+path, token) }}
	bare := contender{workers: callers, cpu: floorCPU, do: func(int) error { return h.send("GET", floorURL+path, token) }}

	b.Run("known token", func(b *testing.B) {
		for b.Loop() {
			f := byTurns(b, call, bare)
			report(b, "a call: token, subscription, scope", f[0], "httputil.ReverseProxy without checks", f[1].String(), median(f[1].cpu))
		}
	})

	b.Run("new token", func(b *testing.B) {
		first := h.firstCalls(server)
		_, verify := signature(b)
		for b.Loop() {
			f := byTurns(b, first, call, verify)
			report(b, "a call with a token never seen before", f[0], "a call with a known one + ES256 check",
				fmt.Sprintf("%s + %s", f[1], f[2]), median(f[1].cpu)+median(f[2].cpu))
		}
	})
}

// firstCalls calls with tokens that the gateway has not seen.
func (h *house) firstCalls(cpu cpuTime) contender {
	tokens := newStock(4000, func() (string, error) {
		token, _, err := h.ask("grant_type=client_credentials&scope=read")
		return token, err
	})
	return tokens.usedUp(callers, cpu, func(_ int, token string) error { return h.send("GET", h.GatewayHTTP+path, token) })
}
