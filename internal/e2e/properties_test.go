package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// serverWithRights is a server with access control lists and annotations, and an account anna that
// has a mailbox Work.
type serverWithRights struct {
	name, addr, password string
	binary               bool // annotations may have any bytes
	public               bool // it has a mailbox Public/Team that everybody may read
}

func serversWithRights(t *testing.T) []serverWithRights {
	t.Helper()
	dovecot, cyrus := startDovecot(t, testbed.DovecotOptions{ACL: true, Others: true}), testbed.Cyrus(t, testbed.CyrusOptions{})
	work := testbed.Message{Body: "Subject: work\r\n\r\nwork\r\n"}
	dovecot.Deliver("anna", "Work", work)
	cyrus.Deliver(t, "anna", "Work", work)
	team := filepath.Join(dovecot.Home("public"), ".Team")
	for _, dir := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(team, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(team, "dovecot-acl"), []byte("anyone lr\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(team), team, filepath.Join(team, "cur"), filepath.Join(team, "new"), filepath.Join(team, "tmp")} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return []serverWithRights{{"Dovecot", dovecot.Addr, imapPassword, true, true}, {"Cyrus", cyrus.Addr, cyrus.Password, false, false}}
}

// TestAccessRights archives access rights and annotations, shows them and what changed of them.
func TestAccessRights(t *testing.T) {
	t.Parallel()
	for _, server := range serversWithRights(t) {
		t.Run(server.name, func(t *testing.T) {
			w := login(t, server.addr, "anna", server.password)
			defer w.conn.Close()
			w.do(`SETACL Work bob lrs`, nil)
			w.do(`SETMETADATA Work (/private/comment "my own")`, nil)
			if server.binary {
				w.do("SETMETADATA Work (/shared/comment ~{4+}\r\n\xff\x01ab)", nil)
			} else {
				w.do(`SETMETADATA Work (/shared/comment "ours")`, nil)
			}

			h := newHost(t)
			h.onDirectory()
			h.set("MAILSTRATA_IMAP_PASSWORD", server.password)
			backup := []string{"backup", "--imap", accountURL("anna", server.addr), "--name", "anna", "--namespace", "shared"}
			if e := h.must(0, backup...); strings.Contains(e.stdout+e.stderr, "GETMETADATA") {
				t.Errorf("%s%s", e.stdout, e.stderr)
			}
			shown := h.must(0, "show", "latest")
			shown.says("Access rights, as of", `"bob" lrs: "Work"`, `"Work": /private/comment "my own"`)
			if server.binary {
				shown.says(`"Work": /shared/comment (4 bytes of binary data)`)
				h.must(0, "show", "latest", "--json").says(`"value_base64":"/wFhYg=="`)
			}
			if server.public {
				shown.says(`this user lr: "Public/Team"`)
			}
			h.must(0, "show", "latest", "--json").says(`"identifier":"bob","rights":"lrs"`, `"value":"my own"`)

			w.do(`SETACL Work bob lr`, nil)
			w.do(`SETACL INBOX al lr`, nil)
			w.do(`SETMETADATA Work (/private/comment NIL)`, nil)
			h.must(0, backup...)
			if e := h.must(0, "diff", "latest~1", "latest"); strings.Contains(e.stdout, "that changed") {
				t.Errorf("nothing changed: %s", e.stdout)
			}
			h.must(0, append(backup, "--properties")...)
			h.must(0, "diff", "latest~1", "latest").says("no difference in mail", `"Work": "bob" had the rights lrs, and has the rights lr now`,
				`"INBOX": "al" has the rights lr now`, `"Work": /private/comment had "my own", and has nothing now`)
			if e := h.must(0, "diff", "latest~1", "latest", "INBOX"); strings.Contains(e.stdout, "bob") {
				t.Errorf("of another mailbox: %s", e.stdout)
			}
			h.must(0, "diff", "latest~1", "latest", "--json").says(`"rights":"lrs"`)
			h.must(0, append(backup, "--properties")...)
			if e := h.must(0, "diff", "latest~1", "latest"); strings.Contains(e.stdout, "that changed") {
				t.Errorf("nothing changed: %s", e.stdout)
			}
			h.must(0, "check", "--read-data")

			w.do(`DELETEACL Work bob`, nil)
			w.do(`SETACL INBOX al l`, nil)
			w.do(`SETMETADATA Work (/shared/comment NIL /private/comment "a new one")`, nil)
			restore := []string{"restore", "latest", "--to", accountURL("anna", server.addr), "--mailbox", "Work", "--mailbox", "INBOX", "--acl", "--metadata"}
			h.must(0, append(restore, "--dry-run")...).says("1 access right would be added", "1 annotation would be added")
			h.must(0, restore...).says("1 access right added", "1 annotation added", `mailbox "INBOX": "al" keeps the rights l, and had lr`)
			h.must(0, append(restore, "--json")...).says(`"acl_added":0,"annotations_added":0`)
			h.must(0, append(backup, "--properties")...)
			shown = h.must(0, "show", "latest")
			shown.says(`"bob" lr: "Work"`, `"al" l, "anna"`, `"Work": /shared/comment`, `"Work": /private/comment "a new one"`)
			h.must(2, "restore", "latest", "--to", "maildir:"+t.TempDir(), "--acl").says("restore to an IMAP account")
		})
	}
}
