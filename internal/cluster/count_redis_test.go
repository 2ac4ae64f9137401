package cluster_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/cluster"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

func openRedis(t *testing.T, address string) *cluster.Redis {
	t.Helper()
	r, err := cluster.OpenRedis(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// onEachRedis runs test on each way to have a Redis.
func onEachRedis(t *testing.T, test func(t *testing.T, address, server string)) {
	t.Run("single", func(t *testing.T) {
		s := gatehousetest.Redis(t)
		test(t, "redis://"+s.Address+"/3", s.Address)
	})
	t.Run("cluster", func(t *testing.T) {
		s := gatehousetest.RedisCluster(t)
		test(t, "redis+cluster://"+s.Address, s.Address)
	})
	t.Run("sentinel", func(t *testing.T) {
		sentinel, s := gatehousetest.RedisSentinel(t)
		test(t, "redis+sentinel://"+sentinel.Address+"/main", s.Address)
	})
}

// Two nodes call at once: as many pass as the smaller limit allows, and a call that one
// limit refuses takes nothing from the other.
func TestRedisCountsExactly(t *testing.T) {
	onEachRedis(t, func(t *testing.T, address, server string) {
		const most, wide, calls = 100, 1000, 400
		var passed atomic.Int64
		var all sync.WaitGroup
		for range 2 {
			r := openRedis(t, address)
			for range 4 {
				all.Go(func() {
					for range calls / 8 {
						added, err := r.Take(t.Context(), []gatehouse.Count{{Key: "{org}narrow", Add: 1, Most: most, Seconds: 100}, {Key: "{org}wide", Add: 1, Most: wide, Seconds: 100}})
						if err != nil {
							t.Error(err)
						}
						if added {
							passed.Add(1)
						}
					}
				})
			}
		}
		all.Wait()
		if got := passed.Load(); got != most {
			t.Errorf("%d calls passed, want %d", got, most)
		}
		r := openRedis(t, address)
		left := []gatehouse.Count{{Key: "{org}narrow"}, {Key: "{org}wide"}}
		if _, err := r.Take(t.Context(), left); err != nil || left[0].Used != most || left[1].Used != most {
			t.Errorf("%+v, %v", left, err)
		}
		addresses, err := r.Addresses(t.Context())
		if err != nil || !slices.Contains(addresses, netip.MustParseAddrPort(server)) {
			t.Errorf("check 141: the addresses that no backend may have are %v, %v, without %s", addresses, err, server)
		}
	})
}

func TestRedisAddsAndKeeps(t *testing.T) {
	s := gatehousetest.Redis(t)
	r := openRedis(t, "redis://"+s.Address)
	large := int64(gatehouse.MaxAmount - 1)
	for i, want := range []struct {
		count gatehouse.Count
		added bool
		used  int64
	}{
		{gatehouse.Count{Key: "bytes", Add: large, Seconds: 100}, true, 0},
		{gatehouse.Count{Key: "bytes", Add: 0, Most: large + 1, Seconds: 100}, true, large}, // nothing is added, and it is not used up
		{gatehouse.Count{Key: "bytes", Add: 1, Seconds: 100}, true, large},                  // without a bound
		{gatehouse.Count{Key: "bytes", Add: 0, Most: large + 1, Seconds: 100}, false, large + 1},
		{gatehouse.Count{Key: "lenient", Add: 1, Seconds: 1}, true, 0},
	} {
		counts := []gatehouse.Count{want.count}
		added, err := r.Take(t.Context(), counts)
		if err != nil || added != want.added || counts[0].Used != want.used {
			t.Errorf("step %d: added %v, had %d, %v; want %v, %d", i, added, counts[0].Used, err, want.added, want.used)
		}
	}
	if keys := s.Keys(t); !strings.Contains(keys, "bytes") || strings.Contains(keys, "\n\n\n") {
		t.Errorf("keys %q", keys)
	}
	if seconds := s.TTL(t, "bytes"); seconds < 1 || seconds > 100 {
		t.Errorf("the key is kept for %d seconds, want 1 to 100", seconds)
	}
	s.Kill()
	if _, err := r.Take(t.Context(), []gatehouse.Count{{Key: "bytes", Add: 1}}); err == nil {
		t.Error("a Redis that is gone has counted")
	}
}

func TestRedisAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"redis://h:1": true, "redis://h": true, "rediss://u:p%40@h:1/2": true, "redis://[::1]:1": true, "redis://h:1,i:2": true,
		"redis+cluster://h:1": true, "redis+sentinel://h:1,i/main": true, "redis+sentinel://h:1/main/3": true,
		"": false, "h:1": false, "http://h": false, "redis://": false, "redis+ring://h": false, "redis+sentinel://h": false,
		"redis://h/x": false, "redis://h/-1": false, "redis://h,i/1": false, "redis+cluster://h/1": false, "redis://u:%zz@h": false,
	} {
		r, err := cluster.OpenRedis(address)
		if (err == nil) != ok || !ok && gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && address != "" && strings.Contains(fmt.Sprint(err), "%zz") {
			t.Errorf("the error repeats the password: %v", err)
		}
		if r != nil {
			_ = r.Close()
		}
	}
}
