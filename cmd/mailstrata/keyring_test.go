package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// keyringOf runs the keyring of a desktop, on a private D-Bus.
//
//	keyring start             an empty one, unlocked; sets DBUS_SESSION_BUS_ADDRESS
//	keyring lock              locks it; its owner refuses to unlock it
//	keyring unlock
//	keyring has NAME SECRET   requires the secret of an entry
func keyringOf(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	if len(args) == 0 {
		ts.Fatalf("usage: keyring start|lock|unlock|has …")
	}
	switch args[0] {
	case "start":
		w.keyring = testbed.SecretService(w.test)
		ts.Setenv("DBUS_SESSION_BUS_ADDRESS", w.keyring.Address)
	case "lock":
		w.keyring.Lock(false)
	case "unlock":
		w.keyring.Unlock()
	case "has":
		if got := w.keyring.Secret("mailstrata", args[1]); (got == args[2]) == neg {
			ts.Fatalf("the keyring has %q", got)
		}
	default:
		ts.Fatalf("keyring does not know %q", args[0])
	}
}
