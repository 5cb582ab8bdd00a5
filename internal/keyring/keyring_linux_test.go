package keyring

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// The tests of this package change the environment, and share the bus that go-keyring keeps open:
// one runs after the other.

// The keyring of the Secret Service keeps, returns and forgets secrets.
func TestEntries(t *testing.T) {
	s := testbed.SecretService(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", s.Address)
	keepAndForget(t)
	if got := s.Secret("mailstrata", "jo"); got != "hunter3" {
		t.Errorf("the keyring has %q", got)
	}
}

// TestGNOMEKeyring is TestEntries with the keyring that most desktops have.
func TestGNOMEKeyring(t *testing.T) {
	daemon := need.Program(t, "gnome-keyring-daemon", "run make packages")
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", filepath.Join(home, "data"))
	t.Setenv("XDG_RUNTIME_DIR", home)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", testbed.Bus(t))
	unlocking := exec.Command(daemon, "--foreground", "--unlock", "--components=secrets", "--control-directory="+home)
	unlocking.Stdin = strings.NewReader("the login's password")
	if err := unlocking.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = unlocking.Process.Kill()
		_ = unlocking.Wait()
	}()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err := Get(t.Context(), "nobody"); !errors.Is(err, ErrAbsent) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not answer")
		}
	}
	keepAndForget(t)
}

// keepAndForget goes through the life of an entry.
func keepAndForget(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	if _, err := Get(ctx, "anna"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of an empty keyring: %v", err)
	}
	if err := Delete(ctx, "anna"); err != nil {
		t.Errorf("delete what is not there: %v", err)
	}
	const odd = "p\"ä\\ss wörd'\n"
	for _, e := range []struct{ name, secret string }{{"anna", "hunter2"}, {"jo", "hunter3"}, {"anna", odd}, {"it's \"Anna\"", strings.Repeat("x", 2000)}} {
		if err := Set(ctx, e.name, e.secret); err != nil {
			t.Fatal(err)
		}
		if got, err := Get(ctx, e.name); err != nil || got != e.secret {
			t.Errorf("%s: %q, %v", e.name, got, err)
		}
	}
	if err := Delete(ctx, "anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := Get(ctx, "anna"); !errors.Is(err, ErrNotFound) {
		t.Errorf("what was deleted: %v", err)
	}
	if got, err := Get(ctx, "jo"); err != nil || got != "hunter3" {
		t.Errorf("the other: %q, %v", got, err)
	}
}

func TestALockedKeyringIsToldAndNotWaitedForForEver(t *testing.T) {
	s := testbed.SecretService(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", s.Address)
	if err := Set(t.Context(), "anna", "hunter2"); err != nil {
		t.Fatal(err)
	}
	s.Lock(false)
	if _, err := Get(t.Context(), "anna"); !errors.Is(err, ErrLocked) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("dismissed: %v", err)
	}
	if err := Set(t.Context(), "jo", "hunter3"); !errors.Is(err, ErrLocked) || strings.Contains(err.Error(), "hunter3") {
		t.Errorf("dismissed: %v", err)
	}
	s.Lock(true)
	defer func(usual time.Duration) { patience = usual }(patience)
	patience = 100 * time.Millisecond
	if _, err := Get(t.Context(), "anna"); !errors.Is(err, ErrLocked) {
		t.Errorf("nobody is there: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(os.ErrClosed)
	if _, err := Get(ctx, "anna"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("who asked gave up: %v", err)
	}
	patience = time.Minute
	s.Unlock()
	if got, err := Get(t.Context(), "anna"); err != nil || got != "hunter2" {
		t.Errorf("unlocked: %q, %v", got, err)
	}
}

func TestWithoutAKeyring(t *testing.T) {
	t.Run("a bus without one", func(t *testing.T) {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", testbed.Bus(t))
		if _, err := Get(t.Context(), "anna"); !errors.Is(err, ErrAbsent) {
			t.Error(err)
		}
	})
	t.Run("no bus", func(t *testing.T) {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "none"))
		if _, err := Get(t.Context(), "anna"); !errors.Is(err, ErrAbsent) {
			t.Error(err)
		}
	})
	t.Run("one that has gone", func(t *testing.T) {
		s := testbed.SecretService(t)
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", s.Address)
		s.Vanish()
		if _, err := Get(t.Context(), "anna"); !errors.Is(err, ErrAbsent) {
			t.Error(err)
		}
	})
	t.Run("a session that ends while its owner is asked", func(t *testing.T) {
		s := testbed.SecretService(t)
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", s.Address)
		s.Lock(true)
		asked := make(chan error)
		go func() {
			_, err := Get(t.Context(), "anna")
			asked <- err
		}()
		s.Asked()
		s.EndBus()
		if err := <-asked; err == nil {
			t.Error("it gave a secret")
		}
	})
}
