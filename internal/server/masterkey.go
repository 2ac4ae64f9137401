package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// masterKey returns the key under which signing keys are sealed: 32 bytes as hex in
// master.key of the data folder, made when it is not there. All nodes of a cluster need
// the same one; without it, what the database holds sealed cannot be read.
func masterKey(data string) (key [32]byte, err error) {
	path := filepath.Join(data, "master.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeMasterKey(path)
	}
	if err != nil {
		return key, fmt.Errorf("master key: %w", err)
	}
	n, err := hex.Decode(key[:], []byte(strings.TrimSpace(string(text))))
	if err != nil || n != len(key) {
		return key, fmt.Errorf("master key: %s must hold 64 hex digits; put back the one that this data folder was made with", path)
	}
	return key, nil
}

// makeMasterKey writes a new key, unless another process does at the same moment: then
// that one's is taken.
func makeMasterKey(path string) ([]byte, error) {
	var key [32]byte
	rand.Read(key[:])
	text := hex.AppendEncode(nil, key[:])
	temporary, err := os.CreateTemp(filepath.Dir(path), "master.key-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(append(text, '\n'))
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}
