package wire

import "testing"

// Each byte, at each place of a word and behind it, is found to be what it is.
func TestValidValue(t *testing.T) {
	for c := range 256 {
		for at := range 19 {
			value := []byte("abcdefgh\tijklmn\xff op")[:19]
			value[at] = byte(c)
			want := c >= ' ' && c != 0x7f || c == '\t'
			if got := validValue(string(value)); got != want {
				t.Errorf("%#x at %d: %v", c, at, got)
			}
		}
	}
}

func TestParseLength(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "7": 7, "0012": 12, "999999999999999999": 999999999999999999} {
		if n, err := parseLength(text); n != want || err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "-1", "+1", "1 ", "1a", "0x1", "1000000000000000000", "١"} {
		if n, err := parseLength(text); err == nil {
			t.Errorf("check 120: %q is %d", text, n)
		}
	}
}
