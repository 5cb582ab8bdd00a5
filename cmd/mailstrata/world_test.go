package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// world holds the servers that a script started.
type world struct {
	servers   map[string]*demo.Server
	providers map[string]*tokenProvider
	monitors  map[string]*pingMonitor
	keyring   *testbed.Secrets // nil: there is none
	test      testing.TB       // ends after the script
}

type worldKey struct{}

func newWorld(t testing.TB) *world {
	return &world{servers: make(map[string]*demo.Server), providers: make(map[string]*tokenProvider), monitors: make(map[string]*pingMonitor), test: t}
}

func (w *world) close() {
	for _, server := range w.servers {
		server.Close()
	}
	for _, provider := range w.providers {
		provider.Close()
	}
	for _, monitor := range w.monitors {
		monitor.Close()
	}
}

// mailserver runs in-process mail servers. Accounts have the password "secret-of-USER".
//
//	mailserver start NAME [append-limit=BYTES] [read-only] [certificate=valid|expired]
//	                               sets NAME_HOST; a certificate goes to NAME.pem
//	mailserver account NAME USER   creates an account, and sets USER_URL
//	mailserver fill NAME USER      with the sample mail
//	mailserver grow NAME USER MAILBOX N
//	                               adds N small messages, and the mailbox if it is missing
//	mailserver put NAME USER MAILBOX FILE [DATE]
//	mailserver lose NAME USER MAILBOX
//	mailserver poison NAME USER MAILBOX UID
//	mailserver stop NAME
func mailserver(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mailserver start|account|fill|grow|put|lose|poison|stop NAME …")
	}
	name, rest := args[1], args[2:]
	if args[0] == "start" {
		w.start(ts, name, rest)
		return
	}
	server := w.servers[name]
	if args[0] == "stop" {
		ts.Check(server.Close())
		delete(w.servers, name)
		return
	}
	user, rest := rest[0], rest[1:]
	account := server.Account(user)
	switch args[0] {
	case "account":
		_, err := server.AddAccount(user, "secret-of-"+user)
		ts.Check(err)
		ts.Setenv(user+"_URL", server.URL(user))
	case "fill":
		ts.Check(demo.Fill(account))
	case "grow":
		_ = account.Create(rest[0]) // it may be there
		n, err := strconv.Atoi(rest[1])
		ts.Check(err)
		for i := range n {
			body := fmt.Sprintf("Subject: number %d\r\n\r\n%d\r\n", i, i)
			ts.Check(account.Append(rest[0], demo.Message{Body: []byte(body), Internal: time.Unix(1e9+int64(i), 0)}))
		}
	case "put":
		_ = account.Create(rest[0])
		body, at := strings.ReplaceAll(ts.ReadFile(rest[1]), "\n", "\r\n"), time.Unix(1e9, 0)
		if len(rest) > 2 {
			day, err := time.Parse(time.DateOnly, rest[2])
			ts.Check(err)
			at = day
		}
		ts.Check(account.Append(rest[0], demo.Message{Body: []byte(body), Internal: at}))
	case "lose":
		ts.Check(account.Lose(rest[0]))
	case "poison":
		uid, err := strconv.ParseUint(rest[1], 10, 32)
		ts.Check(err)
		account.Poison(rest[0], uint32(uid))
	default:
		ts.Fatalf("mailserver does not know %q", args[0])
	}
}

func (w *world) start(ts *testscript.TestScript, name string, settings []string) {
	var o demo.Options
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		switch key {
		case "append-limit":
			n, err := strconv.ParseUint(value, 10, 32)
			ts.Check(err)
			o.AppendLimit = uint32(n)
		case "read-only":
			o.ReadOnly = true
		case "certificate":
			until := time.Now().Add(time.Hour)
			if value == "expired" {
				until = time.Now().Add(-time.Hour)
			}
			certificate, err := selfSigned(until)
			ts.Check(err)
			o.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
			ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), text, 0o600))
		default:
			ts.Fatalf("a mail server has no setting %q", key)
		}
	}
	server, err := demo.Start(o)
	ts.Check(err)
	w.servers[name] = server
	ts.Setenv(name+"_HOST", server.Address())
}

// selfSigned creates a certificate for the loopback interface.
func selfSigned(until time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a mail server"},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// status runs mailstrata and requires an exit status. stdout and stderr of testscript read its
// output, which must not contain the secret of an account of the script.
//
//	status 3 mailstrata backup …
func status(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: status N program args…")
	}
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if text := ts.ReadFile(stream); strings.Contains(text, "secret-of-") {
			ts.Fatalf("%s holds a secret:\n%s", stream, text)
		}
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d\n%s", got, want, ts.ReadFile("stderr"))
	}
}

// oneday waits until midnight if the day ends soon, for scripts that must be over in one day.
func oneday(ts *testscript.TestScript, _ bool, _ []string) {
	testbed.OneDay(ts.Value(worldKey{}).(*world).test)
}

// damage flips a byte in the middle of the first file below DIR, truncates the file there, or
// removes it.
//
//	damage flip|cut|remove DIR
func damage(ts *testscript.TestScript, neg bool, args []string) {
	var victim string
	err := filepath.WalkDir(ts.MkAbs(args[1]), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && victim == "" && entry.Type().IsRegular() {
			victim = path
		}
		return err
	})
	ts.Check(err)
	if victim == "" {
		ts.Fatalf("%s holds nothing to damage", args[1])
	}
	text, err := os.ReadFile(victim)
	ts.Check(err)
	ts.Check(os.Chmod(victim, 0o600))
	switch args[0] {
	case "flip":
		text[len(text)/2] ^= 1
		ts.Check(os.WriteFile(victim, text, 0o600))
	case "cut":
		ts.Check(os.WriteFile(victim, text[:len(text)/2], 0o600))
	case "remove":
		ts.Check(os.Remove(victim))
	}
}

// older makes all files below a directory older, as if time had passed.
//
//	older DIR DURATION
func older(ts *testscript.TestScript, neg bool, args []string) {
	age, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		then := info.ModTime().Add(-age)
		return os.Chtimes(path, then, then)
	}))
}

// jsonField requires a value in the JSON of the command before, in its last line if there are
// several.
//
//	json manifests.0.messages 30
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	var value any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &value); err != nil {
		ts.Fatalf("no JSON: %v", err)
	}
	for step := range strings.SplitSeq(args[0], ".") {
		switch inner := value.(type) {
		case map[string]any:
			next, ok := inner[step]
			if !ok {
				ts.Fatalf("there is no field %q", step)
			}
			value = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(inner) {
				ts.Fatalf("there is no element %s of %d", step, len(inner))
			}
			value = inner[i]
		default:
			ts.Fatalf("%v has no %q", value, step)
		}
	}
	var want any
	if err := json.Unmarshal([]byte(args[1]), &want); err != nil {
		want = args[1]
	}
	if reflect.DeepEqual(value, want) == neg {
		ts.Fatalf("%s is %v", args[0], value)
	}
}

// keyid sets a variable to the id of the key with a label.
//
//	keyid LABEL NAME [flags of mailstrata key list…]
func keyid(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: keyid LABEL NAME [flags…]")
	}
	ts.Check(ts.Exec("mailstrata", append([]string{"key", "list", "--json"}, args[2:]...)...))
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var key struct{ ID, Label string }
		ts.Check(json.Unmarshal([]byte(line), &key))
		if key.Label == args[0] {
			ts.Setenv(args[1], key.ID)
			return
		}
	}
	ts.Fatalf("no key has the label %q", args[0])
}
