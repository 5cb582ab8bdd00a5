package sftp_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/sftp"
)

// at returns a location on the server.
func at(server *testbed.SSHServer, path string) sftp.Options {
	return sftp.Options{
		Location: sftp.Location{User: server.User, Host: "127.0.0.1", Port: server.Port, Path: path}, Command: server.Command,
	}
}

func create(t *testing.T, server *testbed.SSHServer) (*sftp.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a b", "repository")
	s, err := sftp.Create(t.Context(), at(server, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, path
}

// A directory of another host passes the tests of every store, whether its server makes links or
// only renames.
func TestStore(t *testing.T) {
	t.Parallel()
	for name, subsystem := range map[string]string{"links": "", "renames": "internal-sftp -P hardlink"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testbed.OpenSSH(t, testbed.SSHOptions{Subsystem: subsystem})
			storetest.Run(t, func(t *testing.T) store.Store {
				s, path := create(t, server)
				t.Cleanup(func() { onlyOurs(t, path) })
				return s
			})
		})
	}
}

// onlyOurs fails if others may read the objects, or if a temporary file is left.
func onlyOurs(t *testing.T, root string) {
	info, err := os.Stat(root)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the directory has mode %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Join(root, "_tmp"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A server whose umask makes directories that their owner cannot use is refused, by its umask, and
// nothing is left of them. A umask that takes rights from others only will do.
func TestUmask(t *testing.T) {
	t.Parallel()
	for umask, fits := range map[string]bool{"0177": false, "0277": false, "0077": true, "0022": true} {
		server := testbed.OpenSSH(t, testbed.SSHOptions{Subsystem: "internal-sftp -u " + umask})
		home := t.TempDir()
		s, err := sftp.Create(t.Context(), at(server, filepath.Join(home, "a", "b")))
		if err == nil {
			s.Close()
		}
		if fits != (err == nil) || !fits && !strings.Contains(err.Error(), "umask") {
			t.Errorf("umask %s: %v", umask, err)
		}
		if left, err := os.ReadDir(home); err != nil || !fits && len(left) > 0 {
			t.Errorf("umask %s: left behind: %v, %v", umask, left, err)
		}
	}
}

// ssh's own words say why there is no connection, and what to do. Nothing asks for a password.
func TestRefusals(t *testing.T) {
	t.Parallel()
	server := testbed.OpenSSH(t, testbed.SSHOptions{})
	good := at(server, filepath.Join(t.TempDir(), "r"))
	if s, err := sftp.Create(t.Context(), good); err != nil {
		t.Fatal(err)
	} else {
		s.Close()
	}
	elsewhere := good
	elsewhere.Command = server.CommandWith("other")
	closed := good
	closed.Port, closed.Patience = 1, time.Millisecond
	lost := good
	lost.Command = "nossh-is-here"
	for name, test := range map[string]struct {
		known   string
		options sftp.Options
		want    string
	}{
		"a host that is not known":  {"", good, "Host key verification failed"},
		"a host with another key":   {"other", good, "Host key verification failed"},
		"a key that is not allowed": {"host", elsewhere, "Permission denied"},
		"a port without a server":   {"host", closed, "Connection refused"},
		"no ssh":                    {"host", lost, "nossh-is-here"},
	} {
		server.Trust(test.known)
		began := time.Now()
		_, err := sftp.Open(t.Context(), test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %q", name, err, test.want)
		}
		if time.Since(began) > 30*time.Second {
			t.Errorf("%s: it took %v", name, time.Since(began))
		}
	}
}

// A repository is made in an empty directory alone, and opened where one is.
func TestOpen(t *testing.T) {
	t.Parallel()
	server := testbed.OpenSSH(t, testbed.SSHOptions{})
	s, path := create(t, server)
	if err := s.Put(t.Context(), "config", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := sftp.Create(t.Context(), at(server, path)); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("Create in a repository: %v", err)
	}
	if _, err := sftp.Open(t.Context(), at(server, path+"x")); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("Open of nothing: %v, want ErrNotExist", err)
	}
	if _, err := sftp.Open(t.Context(), at(server, filepath.Join(path, "config"))); err == nil {
		t.Error("Open takes a file")
	}
	again, err := sftp.Open(t.Context(), at(server, path))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	// A disk that is unmounted does not mean that objects are missing.
	if err := errors.Join(os.Rename(path, path+".away"), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.Get(t.Context(), "data/1", 0, -1); err == nil || errors.Is(err, store.ErrNotExist) {
		t.Errorf("Get: %v, want an error about the directory", err)
	}
	if err := again.Delete(t.Context(), "data/1"); err == nil {
		t.Error("Delete believes that the object is gone")
	}
	var listed error
	for _, err := range again.List(t.Context(), "") {
		listed = err
	}
	if listed == nil || errors.Is(listed, store.ErrNotExist) {
		t.Errorf("List: %v, want an error about the directory", listed)
	}
}

// Files of a crashed run are removed when they are a day old, and other files are not objects.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	server := testbed.OpenSSH(t, testbed.SSHOptions{})
	s, path := create(t, server)
	for _, name := range []string{"README.TXT", "lost+found/x", "packs/Thumbs.db", "_tmp/stale", "_tmp/fresh"} {
		file := filepath.Join(path, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-25 * time.Hour)
	if err := errors.Join(os.Symlink("/etc/passwd", filepath.Join(path, "link")), os.Chtimes(filepath.Join(path, "_tmp/stale"), yesterday, yesterday)); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "config", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	for o, err := range s.List(t.Context(), "") {
		if err != nil || o.Name != "config" {
			t.Errorf("listed: %v, %v", o, err)
		}
	}
	left, err := os.ReadDir(filepath.Join(path, "_tmp"))
	if err != nil || len(left) != 1 || left[0].Name() != "fresh" {
		t.Errorf("left in _tmp: %v, %v", left, err)
	}
}

// A server that is restarted while a body is read and another is written costs time only.
func TestRestart(t *testing.T) {
	t.Parallel()
	server := testbed.OpenSSH(t, testbed.SSHOptions{})
	s, _ := create(t, server)
	data := bytes.Repeat([]byte("0123456789abcde\n"), 8<<20/16)
	if err := s.Put(t.Context(), "packs/one", bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	body, _, err := s.Get(t.Context(), "packs/one", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	first := make([]byte, 100)
	if _, err := io.ReadFull(body, first); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Start()
	rest, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(append(first, rest...), data) {
		t.Errorf("Get over a restart: %d bytes, %v", len(rest), err)
	}
	server.Kill()
	server.Start()
	if err := s.Put(t.Context(), "packs/two", bytes.NewReader(data), int64(len(data))); err != nil {
		t.Errorf("Put after a restart: %v", err)
	}
}
