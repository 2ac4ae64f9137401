package wire

import (
	"bytes"
	"io"
)

// input reads a connection through a buffer. It holds at least one head in full: for a
// long one the buffer grows, and shrinks when that has been used up.
type input struct {
	src  io.Reader
	buf  []byte
	r, w int // what is there: buf[r:w]

	before func() error // each read from the connection; may be nil

	line, seen int // of a head that has not ended, from r on: where its last line begins, and what was looked at
}

func newInput(src io.Reader) input { return input{src: src, buf: make([]byte, bufferSize)} }

// have returns how many bytes are there.
func (in *input) have() int { return in.w - in.r }

// fill reads once from the connection.
func (in *input) fill() error {
	switch {
	case in.r == in.w:
		in.r, in.w = 0, 0
		if len(in.buf) > bufferSize {
			in.buf = make([]byte, bufferSize)
		}
	case in.w < len(in.buf):
	case in.r > 0:
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	default:
		grown := make([]byte, 4*len(in.buf))
		copy(grown, in.buf)
		in.buf = grown
	}
	n, err := in.read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil // the error comes again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// read reads from the connection.
func (in *input) read(p []byte) (int, error) {
	if in.before != nil {
		if err := in.before(); err != nil {
			return 0, err
		}
	}
	return in.src.Read(p)
}

// head takes a whole head: its lines, each with its end, without the empty one that ends
// it. It is errUnfinished as long as more must be read; most is in bytes.
func (in *input) head(most int) (string, error) {
	data := in.buf[in.r:in.w]
	for {
		i := bytes.IndexByte(data[in.seen:], '\n')
		if i < 0 {
			in.seen = len(data)
			break
		}
		end := in.seen + i
		if end == in.line || data[end-1] != '\r' {
			return "", errLineEnd
		}
		if end+1 > most {
			return "", errLargeHead
		}
		if end-1 == in.line {
			text := string(data[:in.line])
			in.r += end + 1
			in.line, in.seen = 0, 0
			return text, nil
		}
		in.line, in.seen = end+1, end+1
	}
	if len(data) >= most {
		return "", errLargeHead
	}
	return "", errUnfinished
}

// Read reads on, past the buffer where nothing is in it and p is not small.
func (in *input) Read(p []byte) (int, error) {
	if in.r == in.w {
		if len(p) >= len(in.buf) {
			return in.read(p)
		}
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	return n, nil
}

// chunkLine takes a line of at most so many bytes, without its end.
func (in *input) chunkLine(most int) ([]byte, error) {
	for seen := 0; ; {
		data := in.buf[in.r:in.w]
		if i := bytes.IndexByte(data[seen:], '\n'); i >= 0 {
			end := seen + i
			if end == 0 || data[end-1] != '\r' || end > most {
				return nil, errChunk
			}
			in.r += end + 1
			return data[:end-1], nil
		}
		if seen = len(data); seen > most {
			return nil, errChunk
		}
		if err := in.fill(); err != nil {
			return nil, unexpected(err)
		}
	}
}

// unexpected is err where a message has begun and not ended.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
