package config_test

import (
	"testing"

	"github.com/gatehouse/gatehouse/internal/config"
)

func TestParseListener(t *testing.T) {
	for _, test := range []struct {
		text string
		want config.Listener // zero when refused
	}{
		{"https://:8243", config.Listener{TLS: true, Addr: ":8243"}},
		{"http://127.0.0.1:0", config.Listener{Addr: "127.0.0.1:0"}},
		{"http://[::1]:80", config.Listener{Addr: "[::1]:80"}},
		{"https://api.example.com:443", config.Listener{TLS: true, Addr: "api.example.com:443"}},
		{"https://localhost:0443", config.Listener{TLS: true, Addr: "localhost:443"}},
		{"", config.Listener{}},
		{":8243", config.Listener{}},
		{"https://", config.Listener{}},
		{"https://localhost", config.Listener{}},
		{"https://localhost:", config.Listener{}},
		{"https://localhost:https", config.Listener{}},
		{"https://localhost:65536", config.Listener{}},
		{"https://localhost:-1", config.Listener{}},
		{"https://localhost:80/", config.Listener{}},
		{"https://user@localhost:80", config.Listener{}},
		{"https://*:80", config.Listener{}},
		{"https://::1:80", config.Listener{}},
		{"HTTPS://:80", config.Listener{}},
		{"unix:///run/gatehouse.sock", config.Listener{}},
	} {
		got, err := config.ParseListener(test.text)
		if got != test.want || (err != nil) != (test.want == config.Listener{}) {
			t.Errorf("%q: got %+v, %v", test.text, got, err)
		}
	}
}

func TestParseSize(t *testing.T) {
	for _, test := range []struct {
		text string
		want int64 // 0 when refused
	}{
		{"1", 1}, {"1024", 1024}, {"64KiB", 64 << 10}, {"10MiB", 10 << 20}, {"10 MiB", 10 << 20}, {"1024GiB", 1 << 40},
		{"", 0}, {"0", 0}, {"-1", 0}, {"10MB", 0}, {"10mib", 0}, {"1.5MiB", 0}, {"MiB", 0}, {"1025GiB", 0},
		{"1KiBKiB", 0}, {"9223372036854775808", 0}, {"+1", 0}, {"1_000", 0},
	} {
		got, err := config.ParseSize(test.text)
		if got != test.want || (err != nil) != (test.want == 0) {
			t.Errorf("%q: got %d, %v", test.text, got, err)
		}
	}
}

func FuzzParseListener(f *testing.F) {
	for _, seed := range []string{"https://:8243", "http://[::1%eth0]:0", "http://[::]:1", "https://a.b:65535", "http://x:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := config.ParseListener(text)
		if err != nil {
			return
		}
		if again, err := config.ParseListener(l.String()); err != nil || again != l {
			t.Errorf("%q gives %q, which gives %+v, %v", text, l, again, err)
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"1", "64KiB", "10MiB", "1GiB", "99999999999999999999GiB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := config.ParseSize(text)
		if err == nil && (n < 1 || n > 1<<40) {
			t.Errorf("%q gives %d", text, n)
		}
	})
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{"data: x\n", "portal-listen: [https://:1, http://:2]\n", "- a\n", "? a\n: b\n", "a: &x [*x]\n", "---\n---\n", "<<: {data: x}\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := load(t, nil, nil, text)
		if err == nil && c.Data == "" {
			t.Errorf("%q leaves the data folder without a name", text)
		}
	})
}
