package gatehouse_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse/gatehouse"
)

func TestIDsAreUUIDv7AndTellTheirMoment(t *testing.T) {
	const precision = time.Millisecond / 4096
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, now := range map[string]time.Time{
		"a whole second":             day,
		"the last of a millisecond":  day.Add(time.Millisecond - 1),
		"a microsecond":              day.Add(time.Microsecond),
		"another zone":               day.In(time.FixedZone("", 7200)).Add(123456789),
		"the first moment there was": time.UnixMilli(0),
		"the end of time":            gatehouse.EndOfTime,
	} {
		t.Run(name, func(t *testing.T) {
			id := gatehouse.NewID(now)
			parsed, err := uuid.Parse(id)
			if err != nil || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 || parsed.String() != id {
				t.Fatalf("%s is no UUIDv7: %v", id, err)
			}
			got, ok := gatehouse.IDTime(id)
			if late := now.Sub(got); !ok || late < 0 || late > precision {
				t.Errorf("made at %v, tells %v", now, got)
			}
		})
	}
}

func TestIDsSortByTheMomentTheyWereMade(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var ids []string
	for range 5000 {
		ids = append(ids, gatehouse.NewID(now))
		now = now.Add(time.Microsecond)
	}
	if !slices.IsSorted(ids) {
		t.Error("ids a microsecond apart do not sort by time")
	}
}

func TestWhatIsNoIDTellsNoTime(t *testing.T) {
	id := gatehouse.NewID(time.Now())
	for name, text := range map[string]string{
		"nothing":         "",
		"cut":             id[:35],
		"longer":          id + "0",
		"another version": id[:14] + "4" + id[15:],
		"no hex":          "z" + id[1:],
		"no hyphens":      strings.ReplaceAll(id, "-", "0"),
		"a consumer key":  gatehouse.NewConsumerKey(),
	} {
		if _, ok := gatehouse.IDTime(text); ok {
			t.Errorf("%s: %q tells a time", name, text)
		}
	}
}

func TestRandomText(t *testing.T) {
	for _, n := range []int{1, 28, 40, 43, 64, 1000} {
		text := gatehouse.RandomText(n)
		if len(text) != n {
			t.Errorf("%d characters, want %d", len(text), n)
		}
		if rest := strings.Trim(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"); rest != "" {
			t.Errorf("%q holds %q", text, rest)
		}
	}
}

// A byte modulo 62 would give the first eight letters a quarter more than their share, a
// chi-square of some 1600 here. Fair letters stay under 200 but once in 10^16 runs.
func TestRandomTextFavoursNoLetter(t *testing.T) {
	const n, letters = 200_000, 62
	counts := map[rune]float64{}
	for _, r := range gatehouse.RandomText(n) {
		counts[r]++
	}
	chiSquare, expected := 0.0, float64(n)/letters
	for _, count := range counts {
		chiSquare += (count - expected) * (count - expected) / expected
	}
	if len(counts) != letters || chiSquare > 200 {
		t.Errorf("%d letters with a chi-square of %.0f, want 62 and less than 200", len(counts), chiSquare)
	}
}

func TestCredentialsAreLongEnoughAndTellTheirKind(t *testing.T) {
	for name, row := range map[string]struct {
		text, prefix string
		random       int // characters of 5.95 bits
	}{
		"consumer key":    {gatehouse.NewConsumerKey(), "", 28},
		"consumer secret": {gatehouse.NewConsumerSecret(), "ghs_", 40},
		"refresh token":   {gatehouse.NewRefreshToken(), "ghr_", 43},
	} {
		if !strings.HasPrefix(row.text, row.prefix) || len(row.text) != len(row.prefix)+row.random {
			t.Errorf("%s: %q", name, row.text)
		}
	}
}
