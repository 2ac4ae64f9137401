package server

import (
	"encoding/binary"
	"errors"
	"io"
)

// What the server and its hashing child say to each other: frames of a fixed head and two
// texts, over the child's standard input and output and nowhere else. Numbers are big-endian.
//
//	kind 1 byte | number of the question 4 | length of the first text 2 | of the second 2 | the texts
const (
	frameHead = 9
	maxText   = 4096 // bytes of a hash, a password, or the text of an error
)

// Kinds of frames: two questions and their answers.
const (
	askHash  byte = iota + 1 // second: the password
	askMatch                 // first: the hash, second: the password
	sayHash                  // first: the hash
	sayYes
	sayNo
	sayFailed // first: why
)

// frame is one message.
type frame struct {
	kind          byte
	number        uint32
	first, second string
}

var errFrame = errors.New("a frame of the hashing child is out of bounds")

// fits reports whether a frame can be written.
func (f *frame) fits() bool { return len(f.first) <= maxText && len(f.second) <= maxText }

// writeFrame writes a frame in one piece and forgets what it held.
func writeFrame(w io.Writer, f frame) error {
	if !f.fits() {
		return errFrame
	}
	text := make([]byte, frameHead, frameHead+len(f.first)+len(f.second))
	text[0] = f.kind
	binary.BigEndian.PutUint32(text[1:], f.number)
	binary.BigEndian.PutUint16(text[5:], uint16(len(f.first)))
	binary.BigEndian.PutUint16(text[7:], uint16(len(f.second)))
	text = append(append(text, f.first...), f.second...)
	defer clear(text)
	_, err := w.Write(text)
	return err
}

// readFrame reads a frame. io.EOF means that there is none any more.
func readFrame(r io.Reader) (f frame, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f.kind, f.number = head[0], binary.BigEndian.Uint32(head[1:])
	first, second := int(binary.BigEndian.Uint16(head[5:])), int(binary.BigEndian.Uint16(head[7:]))
	if f.kind < askHash || f.kind > sayFailed || first > maxText || second > maxText {
		return frame{}, errFrame
	}
	text := make([]byte, first+second)
	defer clear(text)
	if _, err := io.ReadFull(r, text); err != nil {
		return frame{}, errors.Join(errFrame, err)
	}
	f.first, f.second = string(text[:first]), string(text[first:])
	return f, nil
}
