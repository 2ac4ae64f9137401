package gateway

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// frame writes a frame as RFC 6455, section 5.2 has it.
func frame(fin bool, opcode byte, masked bool, payload []byte) []byte {
	first := opcode
	if fin {
		first |= 0x80
	}
	mask := byte(0)
	if masked {
		mask = 0x80
	}
	var b []byte
	switch n := len(payload); {
	case n < 126:
		b = []byte{first, mask | byte(n)}
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16([]byte{first, mask | 126}, uint16(n))
	default:
		b = binary.BigEndian.AppendUint64([]byte{first, mask | 127}, uint64(n))
	}
	if masked {
		b = append(b, 1, 2, 3, 4)
	}
	return append(b, payload...)
}

// However the bytes are cut into pieces, the same messages are seen.
func TestFramesAreFollowedInAnyPieces(t *testing.T) {
	for range 300 {
		var stream []byte
		var want, got []int64 // sizes of messages
		for range 1 + rand.IntN(5) {
			size := int64(0)
			parts := 1 + rand.IntN(3)
			for part := range parts {
				n := []int{0, 1, 125, 126, 300, 70_000}[rand.IntN(6)]
				opcode := byte(0)
				if part == 0 {
					opcode = 1
				}
				stream = append(stream, frame(part == parts-1, opcode, rand.IntN(2) == 0, make([]byte, n))...)
				size += int64(n)
				if part < parts-1 {
					stream = append(stream, frame(true, 9, true, make([]byte, rand.IntN(126)))...) // a ping in between
				}
			}
			want = append(want, size)
		}
		f := frames{}
		for rest := stream; len(rest) > 0; {
			piece := rest[:1+rand.IntN(len(rest))]
			rest = rest[len(piece):]
			for len(piece) > 0 {
				piece = piece[f.next(piece):]
				if f.ended {
					got = append(got, f.message)
				}
			}
		}
		if text(got) != text(want) || !f.between() {
			t.Fatalf("saw messages of %v bytes, want %v", got, want)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(frame(true, 1, true, []byte("hello")), 3)
	f.Add(frame(true, 2, false, make([]byte, 70_000)), 1)
	f.Add(bytes.Repeat([]byte{0xff}, 20), 2)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		whole, pieces := frames{}, frames{}
		for rest := stream; len(rest) > 0; {
			n := whole.next(rest)
			if n <= 0 || n > len(rest) {
				t.Fatalf("took %d of %d bytes", n, len(rest))
			}
			rest = rest[n:]
			if whole.message < 0 || whole.left < 0 {
				t.Fatal("a size is negative")
			}
		}
		for rest := stream; len(rest) > 0; {
			part := rest[:min(len(rest), max(1, piece))]
			rest = rest[len(part):]
			for len(part) > 0 {
				part = part[pieces.next(part):]
			}
		}
		whole.ended, pieces.ended = false, false
		if whole.between() != pieces.between() || whole.left != pieces.left || whole.message != pieces.message {
			t.Fatalf("in one piece %+v, in several %+v", whole, pieces)
		}
	})
}
