package gatehouse

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// NewID returns a UUIDv7 (RFC 9562, section 5.7) of the time now. Ids sort by the
// moment they were made, to a quarter of a microsecond (section 6.2, method 3), and
// cannot be guessed.
func NewID(now time.Time) string {
	var b [16]byte
	millis := now.UnixMilli()
	fraction := now.Sub(time.UnixMilli(millis)) * 4096 / time.Millisecond
	binary.BigEndian.PutUint64(b[:8], uint64(millis)<<16|0x7000|uint64(fraction))
	rand.Read(b[8:])
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// IDTime returns the moment an id was made, to a quarter of a microsecond, and false
// when id is not one of NewID's.
func IDTime(id string) (time.Time, bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[14] != '7' {
		return time.Time{}, false
	}
	var b [8]byte
	for at, part := range map[int]string{0: id[0:8], 4: id[9:13], 6: id[14:18]} {
		if _, err := hex.Decode(b[at:], []byte(part)); err != nil {
			return time.Time{}, false
		}
	}
	bits := binary.BigEndian.Uint64(b[:])
	fraction := time.Duration(bits&0xfff) * time.Millisecond / 4096
	return time.UnixMilli(int64(bits >> 16)).Add(fraction), true
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// RandomText returns n random letters and digits, 5.95 bits each. Credentials are
// made of these alone because clients disagree about encoding anything else in
// the Basic header (RFC 6749, section 2.3.1).
func RandomText(n int) string {
	text := make([]byte, 0, n)
	var b [64]byte
	for {
		rand.Read(b[:])
		for _, c := range b {
			if c >= 62*4 { // the rest of a byte would favour the first letters
				continue
			}
			if text = append(text, base62[c%62]); len(text) == n {
				return string(text)
			}
		}
	}
}
