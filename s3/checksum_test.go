package s3_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/repo/store"
)

// A store on this host gets a CRC in the place of an MD5, if it confirms that. Any other store gets
// an MD5.
func TestChecksums(t *testing.T) {
	for name, c := range map[string]struct {
		crc     int
		exposed bool
		want    string // the checksums of all PUTs
	}{
		"confirmed":      {knowsCRC, false, "crc crc"},
		"ignored":        {ignoresCRC, false, "crc md5"},
		"refused":        {refusesCRC, false, "crc md5 md5"},
		"over a network": {knowsCRC, true, "md5 md5"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.crc = c.crc
			var sent []string
			f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				if r.Method == http.MethodPut && r.Header.Get("Content-Md5") != "" {
					sent = append(sent, "md5")
				}
				if r.Method == http.MethodPut && r.Header.Get("X-Amz-Checksum-Crc32c") != "" {
					sent = append(sent, "crc")
				}
				next(w, r)
			})
			s := f.open()
			if c.exposed {
				s.Expose()
			}
			if err := errors.Join(put(t, s, "a", "12345"), put(t, s, "b", "1234567")); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(sent, " "); got != c.want {
				t.Errorf("the checksums are %s, want %s", got, c.want)
			}
			if err := put(t, s, "a", "12346"); !errors.Is(err, store.ErrExist) {
				t.Errorf("another object of the same name: %v", err)
			}
			if err := put(t, s, "a", "12345"); err != nil {
				t.Errorf("the same object again: %v", err)
			}
		})
	}
}

// Real stores compare the CRC with the bytes that they got, keep nothing if it differs, and confirm
// it otherwise.
func TestStoresCompareTheCRC(t *testing.T) {
	const body = "the bytes of an object"
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			s := real(t, start(t), "")
			right := crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli))
			encode := func(sum uint32) string {
				return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
			}
			if err := s.PutCRC(t.Context(), "wrong", body, encode(right^1)); err == nil {
				t.Error("the store accepts a wrong checksum")
			}
			if _, _, err := s.Get(t.Context(), "wrong", 0, -1); !errors.Is(err, store.ErrNotExist) {
				t.Errorf("the store keeps an object with a wrong checksum: %v", err)
			}
			if err := s.PutCRC(t.Context(), "right", body, encode(right)); err != nil {
				t.Error(err)
			}
			got, _, err := s.Get(t.Context(), "right", 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			if there, err := io.ReadAll(got); string(there) != body || err != nil {
				t.Errorf("%q, %v", there, err)
			}
		})
	}
}
