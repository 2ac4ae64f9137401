package gateway

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse"
)

// testLine has targets t0, t1, ... with weights.
func testLine(balance gatehouse.Balance, sticky gatehouse.Sticky, weights ...int) *line {
	l := &line{settings: &gatehouse.Backend{Balance: balance, Tuning: gatehouse.Tuning{Sticky: sticky}}}
	for i, weight := range weights {
		l.targets = append(l.targets, &target{Endpoint: Endpoint{Scheme: "http", Host: fmt.Sprint("t", i), weight: weight}, health: &health{}})
	}
	return l
}

func testCall(subject, cookie string) *call {
	c := &call{gateway: &Gateway{Now: time.Now}, r: httptest.NewRequest("GET", "/", nil)}
	c.decision.Authorization = &gatehouse.Authorization{Subject: subject}
	if cookie != "" {
		c.r.Header.Set("Cookie", targetCookie+"="+cookie)
	}
	return c
}

// picks returns the numbers of the targets that calls go to; x for none.
func picks(l *line, calls int, c *call) string {
	var s strings.Builder
	for range calls {
		if p, ok, _ := l.pick(c, 0); ok {
			fmt.Fprint(&s, p.number)
		} else {
			s.WriteString("x")
		}
	}
	return s.String()
}

func (l *line) down(targets ...int) {
	for _, t := range l.targets {
		t.health.down = false
	}
	for _, i := range targets {
		l.targets[i].health.down = true
		l.targets[i].health.trouble.Store(true)
	}
}

func TestTargetsTakeTurns(t *testing.T) {
	for _, tt := range []struct {
		name    string
		balance gatehouse.Balance
		weights []int
		down    []int
		want    string
	}{
		{"each in turn", gatehouse.LoadBalance, []int{1, 1, 1}, nil, "012012"},
		{"each as often as its weight says, spread", gatehouse.LoadBalance, []int{3, 1, 2}, nil, "020120020120"},
		{"but for one that is down", gatehouse.LoadBalance, []int{3, 1, 2}, []int{0}, "212212"},
		{"none", gatehouse.LoadBalance, []int{1, 1}, []int{0, 1}, "xx"},
		{"the first that can be called", gatehouse.Failover, []int{1, 1, 1}, nil, "000"},
		{"the second when the first is down", gatehouse.Failover, []int{1, 1, 1}, []int{0}, "111"},
		{"the third when both are", gatehouse.Failover, []int{1, 1, 1}, []int{0, 1}, "222"},
		{"one alone", gatehouse.OneTarget, []int{1}, nil, "00"},
		{"one alone that is down", gatehouse.OneTarget, []int{1}, []int{0}, "xx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := testLine(tt.balance, gatehouse.NotSticky, tt.weights...)
			l.down(tt.down...)
			got := picks(l, len(tt.want), testCall("", ""))
			if tt.name == "each as often as its weight says, spread" {
				for i, w := range tt.weights {
					for _, run := range []string{got[:6], got[6:]} {
						if strings.Count(run, fmt.Sprint(i)) != w {
							t.Errorf("target %d is called %s in a run, want %d times", i, run, w)
						}
					}
				}
				return
			}
			if got != tt.want {
				t.Errorf("calls go to %s, want %s", got, tt.want)
			}
		})
	}
}

// A cookie may hold anything: it chooses among the targets that there are, or nothing.
func TestCookieKeepsToATarget(t *testing.T) {
	for cookie, want := range map[string]string{
		"2": "222", "0": "000", "": "012", "3": "012", "-1": "012", "99999999999999999999": "012", "http://127.0.0.1:9443": "012", "1.0": "012",
	} {
		if got := picks(testLine(gatehouse.LoadBalance, gatehouse.StickyCookie, 1, 1, 1), 3, testCall("", cookie)); got != want {
			t.Errorf("with the cookie %q calls go to %s, want %s", cookie, got, want)
		}
	}
	l := testLine(gatehouse.LoadBalance, gatehouse.StickyCookie, 1, 1, 1)
	l.down(2)
	if got := picks(l, 4, testCall("", "2")); got != "0101" {
		t.Errorf("while the cookie's target is down, calls go to %s", got)
	}
}

// The same user's calls go to the same target, everybody's are spread by weight, and when
// a target goes, its own users move alone.
func TestSubjectsKeepToATarget(t *testing.T) {
	const users = 4000
	l := testLine(gatehouse.LoadBalance, gatehouse.StickySubject, 1, 3)
	before := map[string]string{}
	count := map[string]int{}
	for i := range users {
		user := fmt.Sprint("user", i)
		got := picks(l, 2, testCall(user, ""))
		if got[0] != got[1] {
			t.Fatalf("%s is sent to %s", user, got)
		}
		before[user] = got[:1]
		count[got[:1]]++
	}
	if n := count["0"]; n < users/4-200 || n > users/4+200 {
		t.Errorf("the target with a quarter of the weight has %d of %d users", n, users)
	}
	more := testLine(gatehouse.LoadBalance, gatehouse.StickySubject, 1, 3, 1)
	for user, was := range before {
		if now := picks(more, 1, testCall(user, "")); now != was && now != "2" {
			t.Fatalf("%s moved from %s to %s when another target came", user, was, now)
		}
	}
	application := testCall("", "")
	application.decision.Authorization = nil
	if got := picks(l, 2, application); got[0] != got[1] {
		t.Errorf("calls without a token from one address go to %s", got)
	}
}
