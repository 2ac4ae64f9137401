package bench

import (
	"sync"
	"sync/atomic"
)

// stock is a number of inputs that are good for one request each: codes, assertions,
// tokens that nobody has seen. They are made before each slice, unmeasured.
type stock struct {
	inputs  []string
	produce func() (string, error)
	used    atomic.Int64
}

func newStock(size int, produce func() (string, error)) *stock {
	return &stock{inputs: make([]string, size), produce: produce}
}

// fill makes new inputs.
func (s *stock) fill() error {
	s.used.Store(0)
	failed := make(chan error, chains)
	var workers sync.WaitGroup
	for worker := range chains {
		workers.Go(func() {
			for i := worker; i < len(s.inputs); i += chains {
				var err error
				if s.inputs[i], err = s.produce(); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(failed)
	return <-failed
}

// usedUp is a contender whose slice is to use the whole stock up, with one input for each
// request.
func (s *stock) usedUp(workers int, cpu cpuTime, do func(worker int, input string) error) contender {
	return contender{workers: workers, number: int64(len(s.inputs)), prepare: s.fill, cpu: cpu, do: func(worker int) error {
		return do(worker, s.inputs[s.used.Add(1)-1])
	}}
}
