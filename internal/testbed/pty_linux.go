package testbed

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// PTY returns a terminal of so many columns. The function closes it and returns all that was
// written to it.
func PTY(t testing.TB, columns int) (*os.File, func() string) {
	t.Helper()
	master, slave := OpenPTY(t, columns)
	read := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // it ends with an error when nobody has the other side any more
		read <- strings.ReplaceAll(string(text), "\r\n", "\n")
	}()
	return slave, func() string {
		slave.Close()
		return <-read
	}
}

// OpenPTY returns both sides of a terminal: the master is the user's.
func OpenPTY(t testing.TB, columns int) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
