package gateway

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

func TestTimeOfTheCallerIsNotTheBackends(t *testing.T) {
	expired := make(chan bool, 1)
	w := &watched{ReadCloser: io.NopCloser(strings.NewReader("answer")), idle: time.Hour, slow: time.AfterFunc(time.Hour, func() { expired <- true })}
	if n, err := w.Read(make([]byte, 3)); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if w.slow.Stop() {
		t.Error("the time runs on while the caller takes what was read")
	}
	if err := w.Close(); err != nil || len(expired) > 0 {
		t.Error(err, len(expired))
	}
}

func TestSettingsOfPoliciesThatReadBodies(t *testing.T) {
	for settings, want := range map[string]string{
		`timeouts`:                          "give at least one",
		`timeouts - {"whole":"1s"}`:         "",
		`timeouts - {"whole":"1"}`:          "write one like 500ms",
		`timeouts - {"idle":"-1s"}`:         "from 1ms to 24h",
		`timeouts - {"firstByte":"1us"}`:    "from 1ms to 24h",
		`timeouts - {"whole":"25h"}`:        "from 1ms to 24h",
		`cache - {"lifetime":"-1s"}`:        "lifetime must be",
		`cache - {"maxBody":9000000}`:       "maxBody is 9000000",
		`body-size request {}`:              "max must be given",
		`body-size request {"max":-1}`:      "max must be given",
		`json-threat - {"maxSize":-1}`:      "maxSize is -1",
		`xml-threat - {"maxXMLDepth":1001}`: "must be from 1 to 1000",
		`json-threat response {}`:           "has no part on the response side",
	} {
		err := Check(petstore("pets", "/pets", func(a *gatehouse.API) { a.Settings.Policies = policies(strings.Replace(settings, " - ", "  ", 1)) }))
		if want == "" && err != nil || want != "" && !strings.Contains(gatehouse.MessageOf(err), want) {
			t.Errorf("%s: %v, want something with %q", settings, err, want)
		}
	}
}
