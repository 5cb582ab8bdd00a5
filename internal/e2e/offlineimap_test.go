package e2e_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// offlineimaprc copies an account into Maildirs.
const offlineimaprc = `[general]
accounts = all
metadata = %[1]s/metadata
ui = quiet
fsync = False
maxsyncaccounts = 1

[Account all]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = %[1]s/Mail

[Repository far]
type = IMAP
remotehost = %[2]s
remoteport = %[3]s
remoteuser = %[4]s
remotepass = %[5]s
auth_mechanisms = LOGIN
ssl = no
starttls = no
readonly = True
`

// offlineimap returns the files that OfflineIMAP makes of an account. It parses messages and writes
// them again, so they are not those of the server.
func offlineimap(t *testing.T, program, address, user, password string) map[string]int {
	t.Helper()
	dir := t.TempDir()
	host, port, _ := net.SplitHostPort(address)
	rc := filepath.Join(dir, "rc")
	if err := os.WriteFile(rc, fmt.Appendf(nil, offlineimaprc, dir, host, port, user, password), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-1", "-o", "-c", rc)
	cmd.Env = append(os.Environ(), "HOME="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("OfflineIMAP: %v\n%s", err, out)
	}
	return maildirFiles(t, filepath.Join(dir, "Mail"))
}
