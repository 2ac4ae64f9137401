package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
)

// Seal encrypts what must be read back with AES-256-GCM under a random nonce. What it
// is for is bound to it: it opens with the same purpose only.
func Seal(key [32]byte, plain []byte, purpose string) (string, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, []byte(purpose))), nil
}

// Open decrypts what Seal encrypted.
func Open(key [32]byte, sealed, purpose string) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	text, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(text) < aead.NonceSize() {
		return nil, errors.New("what was sealed is damaged")
	}
	return aead.Open(nil, text[:aead.NonceSize()], text[aead.NonceSize():], []byte(purpose))
}

func newAEAD(key [32]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
