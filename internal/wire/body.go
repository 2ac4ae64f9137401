package wire

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// reader reads the body of a message from a connection, and stops where it ends. After an
// error the connection is of no use.
type reader struct {
	in      *input
	left    int64 // of the body, or of a chunk of it; untilClose
	chunks  bool
	between bool        // two chunks: the end of one has not been read
	trailer http.Header // what came behind a chunked body; nil when nothing did
	err     error       // io.EOF at the end
}

// newReader returns what reads a body of a length.
func newReader(in *input, length int64) reader {
	r := reader{in: in, left: length}
	switch length {
	case chunked:
		r.chunks, r.left = true, 0
	case 0:
		r.err = io.EOF
	}
	return r
}

// Read reads on. It reports the end together with the last bytes where it can.
func (r *reader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.chunks && r.left == 0 {
		if r.err = r.nextChunk(); r.err != nil {
			return 0, r.err
		}
	}
	if r.left > 0 && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	n, err := r.in.Read(p)
	if r.left == untilClose {
		r.err = err
		return n, err
	}
	r.left -= int64(n)
	switch {
	case r.left == 0 && r.chunks:
		r.between = true
		r.endIfThere()
	case r.left == 0:
		r.err = io.EOF
	case err != nil:
		r.err = unexpected(err)
	}
	return n, r.err
}

// endIfThere takes the end of a chunked body when it has arrived with the last chunk.
func (r *reader) endIfThere() {
	const end = "\r\n0\r\n\r\n"
	if r.in.have() >= len(end) && string(r.in.buf[r.in.r:r.in.r+len(end)]) == end {
		r.in.r += len(end)
		r.err = io.EOF
	}
}

// nextChunk reads up to the data of the next chunk (RFC 9112, section 7.1). Behind the last
// one it reads the trailer, and returns io.EOF.
func (r *reader) nextChunk() error {
	if r.between {
		line, err := r.in.chunkLine(1)
		if err != nil {
			return err
		}
		if len(line) != 0 {
			return errChunk
		}
		r.between = false
	}
	line, err := r.in.chunkLine(maxChunkLine)
	if err != nil {
		return err
	}
	if r.left, err = chunkSize(line); err != nil || r.left > 0 {
		return err
	}
	return r.readTrailer()
}

// chunkSize reads the line before a chunk's data. Old servers fill it up with spaces.
// Extensions are dropped: nobody uses them.
func chunkSize(line []byte) (int64, error) {
	size, extensions, _ := bytes.Cut(bytes.TrimRight(line, " \t"), []byte{';'})
	if len(size) == 0 || len(size) > 15 || !validValue(string(extensions)) {
		return 0, errChunk
	}
	var n int64
	for _, c := range size {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, errChunk
		}
		n = n<<4 | int64(c)
	}
	return n, nil
}

// readTrailer reads what is behind the last chunk, up to the empty line.
func (r *reader) readTrailer() error {
	var text strings.Builder
	for {
		line, err := r.in.chunkLine(maxTrailer)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			break
		}
		if text.Len()+len(line) > maxTrailer {
			return errLargeTrailer
		}
		text.Write(line)
		text.WriteString("\r\n")
	}
	if text.Len() > 0 {
		h, err := fields(text.String())
		if err != nil {
			return err
		}
		for name := range h {
			if framing(name) {
				return errTrailerFields
			}
		}
		r.trailer = h
	}
	return io.EOF
}

// merge adds the trailer that came to the one that was announced.
func (r *reader) merge(into *http.Header) {
	if r.trailer == nil {
		return
	}
	if *into == nil {
		*into = r.trailer
		return
	}
	for name, values := range r.trailer {
		(*into)[name] = values
	}
}
