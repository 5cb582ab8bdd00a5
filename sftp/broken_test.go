package sftp_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
	"github.com/mailstrata/mailstrata/sftp"
)

// TestMain lets the tests take this program for ssh: see broken.
func TestMain(m *testing.M) {
	if fault := os.Getenv("MAILSTRATA_TEST_FAULT"); fault != "" {
		serveBroken(fault)
	}
	os.Exit(m.Run())
}

// broken returns options whose ssh is OpenSSH's server of SFTP behind a fault: "replaces" (its
// renames replace files, and it makes no links), "fsync" (it does not know fsync), or the name of a
// file with a number n (the first connection ends at its n-th request).
func broken(t *testing.T, fault, path string) sftp.Options {
	t.Helper()
	need.Program(t, serverPath, "apt-get install openssh-server")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return sftp.Options{
		Location: sftp.Location{Host: "broken", Path: path},
		Command:  fmt.Sprintf("env MAILSTRATA_TEST_FAULT=%s %s", fault, self),
	}
}

const serverPath = "/usr/lib/openssh/sftp-server"

// Packets of draft-ietf-secsh-filexfer-02 that a fault changes.
const (
	packetRename   = 18
	packetExtended = 200
)

// serveBroken is the process of a broken server. It does not return.
func serveBroken(fault string) {
	args := []string{"-e"}
	if fault == "replaces" {
		args = append(args, "-P", "hardlink")
	}
	server := exec.Command(serverPath, args...)
	server.Stdout = os.Stdout
	var out *io.PipeReader
	if fault == "fsync" { // its first answer names what it can do
		var in *io.PipeWriter
		out, in = io.Pipe()
		server.Stdout = in
		go func() {
			first := make([]byte, 4096)
			n, _ := out.Read(first)
			_, _ = os.Stdout.Write(bytes.Replace(first[:n], []byte("fsync@"), []byte("none.@"), 1))
			_, _ = io.Copy(os.Stdout, out)
		}()
	}
	in, err := server.StdinPipe()
	if err != nil || server.Start() != nil {
		os.Exit(255)
	}
	left := -1
	if data, err := os.ReadFile(fault); err == nil {
		left, _ = strconv.Atoi(string(data))
		os.Remove(fault)
	}
	for ; ; left-- {
		header := make([]byte, 5)
		_, err := io.ReadFull(os.Stdin, header)
		if left == 0 {
			_ = os.WriteFile(fault+".ended", nil, 0o600)
		}
		if err != nil || left == 0 {
			_ = server.Process.Kill()
			os.Exit(255)
		}
		payload := make([]byte, binary.BigEndian.Uint32(header)-1)
		_, _ = io.ReadFull(os.Stdin, payload)
		if header[4] == packetRename && fault == "replaces" {
			name := "posix-rename@openssh.com"
			payload = bytes.Join([][]byte{payload[:4], binary.BigEndian.AppendUint32(nil, uint32(len(name))), []byte(name), payload[4:]}, nil)
			binary.BigEndian.PutUint32(header, uint32(len(payload)+1))
			header[4] = packetExtended
		}
		_, _ = in.Write(append(header, payload...))
	}
}

// A server that could replace an object, or lose one, is refused.
func TestUnfitServers(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{"replaces": "without replacing", "fsync": "durable"} {
		path := filepath.Join(t.TempDir(), "r")
		if _, err := sftp.Create(t.Context(), broken(t, fault, path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", fault, err)
		}
	}
}

// A connection that ends at any request is made again, and Put and Get do what they promise.
func TestConnectionEnds(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("0123456789abcde\n"), 5<<16/16) // several packets
	for n := 1; ; n++ {
		home := t.TempDir()
		fault := filepath.Join(home, "fault")
		if s, err := sftp.Create(t.Context(), broken(t, "none", filepath.Join(home, "r"))); err != nil {
			t.Fatal(err)
		} else {
			s.Close()
		}
		if err := os.WriteFile(fault, []byte(strconv.Itoa(n)), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := sftp.Open(t.Context(), broken(t, fault, filepath.Join(home, "r")))
		if err != nil {
			t.Fatalf("the connection ends at request %d: %v", n, err)
		}
		if err := s.Put(t.Context(), "packs/one", bytes.NewReader(data), int64(len(data))); err != nil {
			t.Errorf("the connection ends at request %d: Put: %v", n, err)
		}
		got, err := read(t, s, "packs/one")
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("the connection ends at request %d: Get: %d bytes, %v", n, len(got), err)
		}
		s.Close()
		if _, err := os.Stat(fault + ".ended"); err != nil { // all of it needs fewer requests
			if n < 10 {
				t.Errorf("only %d connections ended", n)
			}
			return
		}
	}
}

func read(t *testing.T, s *sftp.Store, name string) ([]byte, error) {
	body, _, err := s.Get(t.Context(), name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}
