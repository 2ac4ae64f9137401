package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkPolicies compares calls with a policy to the same calls without one, through a
// gateway with a real backend.
func BenchmarkPolicies(b *testing.B) {
	pet := `{"name":"Rex","id":1,"tag":"cat","born":"2020-02-29","weight":0.1,"kind":"dog","secret":"` + strings.Repeat("s", 900) + `"}`
	target := backend(b, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, pet)
	})
	for _, policy := range []string{"", `body-size request {"max":10000}`, `timeouts - {"firstByte":"30s","idle":"30s"}`, `json-threat - {}`, `xml-threat - {}`,
		"validate request", "validate response", `cache - {"lifetime":"1h"}`} {
		var said []string
		if policy != "" {
			said = []string{policy}
		}
		front := validated(b, target, petDocument, said...)
		for method, body := range map[string]string{"GET": "", "PUT": pet} {
			media := "application/json"
			if strings.HasPrefix(policy, "xml") && body != "" {
				media, body = "application/xml", "<pet>"+strings.Repeat("<name a='b'>Rex</name>", 45)+"</pet>"
			}
			name, _, _ := strings.Cut(policy, "{")
			b.Run(fmt.Sprintf("%s %s", method, strings.TrimSpace(name)), func(b *testing.B) {
				transport := &http.Transport{}
				defer transport.CloseIdleConnections()
				b.ReportAllocs()
				for b.Loop() {
					r, err := http.NewRequest(method, front.URL+"/echo/1.0/pets/1", strings.NewReader(body))
					if err != nil {
						b.Fatal(err)
					}
					r.Header.Set("Authorization", "Bearer good")
					if body != "" {
						r.Header.Set("Content-Type", media)
					}
					res, err := transport.RoundTrip(r)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode/100 != 2 && !strings.Contains(policy, "validate") {
						b.Fatal(res.Status, err)
					}
					res.Body.Close()
				}
			})
		}
	}
}
