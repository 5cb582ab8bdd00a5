// Package testbed starts real servers for tests: object stores (MinIO, versitygw) and IMAP servers
// (Dovecot, mox, Cyrus, Courier).
//
// A server runs on a free port of the loopback interface, in a new directory, and stops when the
// test ends:
//
//	minio := testbed.MinIO(t)      // minio.Endpoint, minio.AccessKey, minio.SecretKey
//	dove := testbed.Dovecot(t, testbed.DovecotOptions{})
//	dove.Deliver("anna", "INBOX", testbed.Message{Body: "Subject: hello\r\n\r\nhello\r\n"})
//
// MinIO, Versitygw and Mox take a second to start. A package with many tests that need them shares
// one process of each, which the first test starts, if Main runs its tests:
//
//	func TestMain(m *testing.M) { testbed.Main(m) }
//
// # Where the servers come from
//
// MinIO, versitygw, mox, age and kubeapi (the last two are not servers, but tools of the same kind)
// are programs in Go. Each has a module below testbed/ in the repository, which pins it by go.mod
// and go.sum apart from the dependencies of mailstrata; "make servers" builds them into
// .testbed/bin. Dovecot comes from the system's packages and must be started by root, since mail
// belongs to the user nobody. Cyrus and Courier are Debian's too, but unpacked into
// .testbed/debian, not installed ("make packages"): a host can have one IMAP server of Debian's,
// and these would be started. MAILSTRATA_TESTBED names another directory to find the servers in.
//
// Chromium is a package of the system, too: package chromium starts it.
//
// day.go is for tests that must be over in one day.
//
// Where a server is missing, its tests are skipped, so that "go test ./..." is of use everywhere.
// With CI or MAILSTRATA_REQUIRE_SERVERS=1 in the environment, as "make test" sets it, they fail
// instead (package need).
package testbed
