package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// Secrets is a keyring like that of a desktop: a Secret Service with one collection, on a separate
// D-Bus. The bus is a real dbus-daemon. The service is in this process, and keeps secrets in
// memory: GNOME Keyring would require GTK and a hundred other packages.
type Secrets struct {
	Address string // of the bus, for DBUS_SESSION_BUS_ADDRESS

	bus     *process
	conn    *dbus.Conn
	mu      sync.Mutex
	locked  bool
	waits   bool          // nobody ever answers what it asks its owner
	asked   chan struct{} // gets one when it asks him
	entries map[dbus.ObjectPath]*secretEntry
	made    int
}

type secretEntry struct {
	attributes map[string]string
	secret     secretValue
}

// secretValue is a secret as the Secret Service API has it.
type secretValue struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

const (
	secretsName       = "org.freedesktop.secrets"
	secretsPath       = dbus.ObjectPath("/org/freedesktop/secrets")
	secretsCollection = dbus.ObjectPath("/org/freedesktop/secrets/collection/login")
	secretsSession    = dbus.ObjectPath("/org/freedesktop/secrets/session/1")
	secretsPrompt     = dbus.ObjectPath("/org/freedesktop/secrets/prompt/1")
	nothing           = dbus.ObjectPath("/")
)

// Bus starts a D-Bus without a Secret Service, and returns its address.
func Bus(t testing.TB) string {
	t.Helper()
	address, _ := startBus(t)
	return address
}

func startBus(t testing.TB) (address string, daemon *process) {
	t.Helper()
	path := need.Program(t, "dbus-daemon", "apt-get install dbus-daemon")
	dir, err := os.MkdirTemp("", "bus") // the path of a socket has a hundred bytes at the most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	address = "unix:path=" + filepath.Join(dir, "socket")
	conf := filepath.Join(dir, "conf")
	writeFile(t, conf, []byte(`<busconfig>
	<type>session</type>
	<listen>`+address+`</listen>
	<policy context="default">
		<allow send_destination="*" eavesdrop="true"/>
		<allow eavesdrop="true"/>
		<allow own="*"/>
	</policy>
</busconfig>
`), 0o600)
	daemon = launch(t, exec.Command(path, "--config-file="+conf, "--nofork"), filepath.Join(dir, "log"), func() error {
		conn, err := dbus.Connect(address)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	t.Cleanup(daemon.stop)
	return address, daemon
}

// SecretService starts a keyring, which is unlocked and empty.
func SecretService(t testing.TB) *Secrets {
	t.Helper()
	s := &Secrets{asked: make(chan struct{}, 1), entries: make(map[dbus.ObjectPath]*secretEntry)}
	s.Address, s.bus = startBus(t)
	var err error
	if s.conn, err = dbus.Connect(s.Address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.conn.Close() })
	for path, methods := range map[dbus.ObjectPath]map[string]map[string]any{
		secretsPath: {
			"org.freedesktop.Secret.Service":  {"OpenSession": s.openSession, "Unlock": s.unlock},
			"org.freedesktop.DBus.Properties": {"Get": s.property},
		},
		secretsCollection: {
			"org.freedesktop.Secret.Collection": {"SearchItems": s.search, "CreateItem": s.create},
			"org.freedesktop.DBus.Properties":   {"Get": s.property},
		},
		secretsSession: {"org.freedesktop.Secret.Session": {"Close": func() *dbus.Error { return nil }}},
		secretsPrompt:  {"org.freedesktop.Secret.Prompt": {"Prompt": s.prompt}},
	} {
		for name, table := range methods {
			if err := s.conn.ExportMethodTable(table, path, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.conn.RequestName(secretsName, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return s
}

// Lock locks the keyring. The user dismisses its prompt, or does not answer if away.
func (s *Secrets) Lock(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked, s.waits = true, away
}

// Unlock unlocks it.
func (s *Secrets) Unlock() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = false
}

// Secret returns the secret of an entry of a service, or "" if it does not exist.
func (s *Secrets) Secret(service, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.attributes["service"] == service && e.attributes["username"] == name {
			return string(e.secret.Value)
		}
	}
	return ""
}

// Vanish ends the keyring, as a crash would. Its bus stays.
func (s *Secrets) Vanish() { s.conn.Close() }

// Asked waits until it asks its owner to unlock it.
func (s *Secrets) Asked() { <-s.asked }

// EndBus ends the bus, as the end of a session does.
func (s *Secrets) EndBus() { s.bus.stop() }

func (s *Secrets) openSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant(""), secretsSession, nil
}

func (s *Secrets) unlock(paths []dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locked {
		return []dbus.ObjectPath{}, secretsPrompt, nil
	}
	return paths, nothing, nil
}

func (s *Secrets) prompt(string) *dbus.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.asked <- struct{}{}:
	default:
	}
	if !s.waits {
		_ = s.conn.Emit(secretsPrompt, "org.freedesktop.Secret.Prompt.Completed", true, dbus.MakeVariant(""))
	}
	return nil
}

func (s *Secrets) property(_, name string) (dbus.Variant, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch name {
	case "Collections":
		return dbus.MakeVariant([]dbus.ObjectPath{secretsCollection}), nil
	case "Locked":
		return dbus.MakeVariant(s.locked), nil
	}
	return dbus.Variant{}, dbus.MakeFailedError(fmt.Errorf("there is no property %s", name))
}

func (s *Secrets) search(wanted map[string]string) ([]dbus.ObjectPath, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []dbus.ObjectPath{}
	for path, e := range s.entries {
		if e.has(wanted) {
			found = append(found, path)
		}
	}
	return found, nil
}

func (e *secretEntry) has(attributes map[string]string) bool {
	for name, value := range attributes {
		if e.attributes[name] != value {
			return false
		}
	}
	return true
}

func (s *Secrets) create(
	properties map[string]dbus.Variant, secret secretValue, replace bool,
) (dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locked {
		return nothing, nothing, dbus.NewError("org.freedesktop.Secret.Error.IsLocked", nil)
	}
	attributes, _ := properties["org.freedesktop.Secret.Item.Attributes"].Value().(map[string]string)
	for path, e := range s.entries {
		if replace && e.has(attributes) {
			e.secret = secret
			return path, nothing, nil
		}
	}
	s.made++
	path := dbus.ObjectPath(fmt.Sprintf("%s/%d", secretsCollection, s.made))
	s.entries[path] = &secretEntry{attributes, secret}
	item := map[string]any{
		"GetSecret": func(session dbus.ObjectPath) (secretValue, *dbus.Error) { return s.get(path, session) },
		"Delete":    func() (dbus.ObjectPath, *dbus.Error) { return s.remove(path) },
	}
	if err := s.conn.ExportMethodTable(item, path, "org.freedesktop.Secret.Item"); err != nil {
		return nothing, nothing, dbus.MakeFailedError(err)
	}
	return path, nothing, nil
}

func (s *Secrets) get(path, session dbus.ObjectPath) (secretValue, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[path]
	switch {
	case s.locked:
		return secretValue{}, dbus.NewError("org.freedesktop.Secret.Error.IsLocked", nil)
	case !ok:
		return secretValue{}, dbus.NewError("org.freedesktop.Secret.Error.NoSuchObject", nil)
	}
	secret := e.secret
	secret.Session = session
	return secret, nil
}

func (s *Secrets) remove(path dbus.ObjectPath) (dbus.ObjectPath, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, path)
	return nothing, nil
}
