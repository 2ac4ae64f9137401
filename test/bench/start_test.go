package bench

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse/gatehouse/internal/gatehousetest"
)

// BenchmarkStart starts the program on an empty store: from the start of the process to
// its ready line, with its database, keys, certificate, first organization and first
// user made. Its memory, with its children's, is what is resident once it has answered /readyz.
func BenchmarkStart(b *testing.B) {
	const starts = 7
	var ready, memory []float64
	for b.Loop() {
		for range starts {
			p := gatehousetest.Run(b, "serve")
			res, err := http.Get(p.Ops + "/readyz")
			if err != nil || res.StatusCode != http.StatusOK {
				b.Fatal(res, err)
			}
			res.Body.Close()
			ready = append(ready, float64(p.Started)/float64(time.Millisecond))
			held := resident(b, p.PID())
			for _, child := range gatehousetest.Children(b, p.PID()) {
				held += resident(b, child)
			}
			memory = append(memory, held)
			p.Kill()
		}
	}
	slices.Sort(ready)
	slices.Sort(memory)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ready), "ready-ms")
	b.ReportMetric(median(memory), "rss-MiB")
	span := func(f []float64) string { return fmt.Sprintf("%.0f (%.0f–%.0f)", median(f), f[0], f[len(f)-1]) }
	results.add("start to ready, empty store", span(ready)+" ms")
	results.add("resident memory when idle", span(memory)+" MiB")
}

// resident returns the resident memory of a process in MiB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
