package server

import (
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/gatehouse/gatehouse/internal/organization"
)

// HashWorker is the hashing child: it answers questions until in ends, which it does when
// the server ends, however that happens. At most workers are answered at once. A password
// is cleared from what was read and written; the copy that Argon2id takes is not.
func HashWorker(in io.Reader, out io.Writer, workers int) error {
	if err := stepBack(); err != nil {
		return err
	}
	runtime.GOMAXPROCS(workers)
	here, err := organization.NewHere()
	if err != nil {
		return err
	}
	return answerAll(in, out, workers, here)
}

// answerAll reads questions and writes their answers, in the order in which they are found.
func answerAll(in io.Reader, out io.Writer, workers int, hasher organization.Hasher) error {
	var writing sync.Mutex
	slots := make(chan struct{}, workers)
	for {
		question, err := readFrame(in)
		if errors.Is(err, io.EOF) && !errors.Is(err, errFrame) {
			return nil // what still runs has nobody to tell
		}
		if err != nil {
			return err
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			said := answer(hasher, question)
			writing.Lock()
			defer writing.Unlock()
			_ = writeFrame(out, said) // it fails when the server has gone, and then in ends too
		}()
	}
}

// answer does the work of one question.
func answer(hasher organization.Hasher, question frame) frame {
	said := frame{number: question.number}
	var right bool
	var err error
	switch question.kind {
	case askHash:
		said.kind = sayHash
		said.first, err = hasher.Hash(question.second)
	case askMatch:
		said.kind = sayNo
		if right, err = hasher.Match(question.first, question.second); right {
			said.kind = sayYes
		}
	default:
		err = errFrame
	}
	if err == nil && !said.fits() {
		err = errFrame
	}
	if err != nil {
		said.kind, said.first = sayFailed, err.Error()
		said.first = said.first[:min(len(said.first), maxText)]
	}
	return said
}
