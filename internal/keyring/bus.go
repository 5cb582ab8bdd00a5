//go:build linux || netbsd || openbsd || (cgo && (freebsd || dragonfly))

package keyring

import (
	"errors"

	"github.com/godbus/dbus/v5"
	secrets "github.com/zalando/go-keyring/secret_service"
)

// reach looks for the session bus. Without one, go-keyring would have dbus-launch start one, which outlives this program and
// has no keyring either.
func reach() error {
	bus, err := dbus.SessionBusPrivateNoAutoStartup()
	if err != nil {
		return errors.New("the session has no D-Bus (DBUS_SESSION_BUS_ADDRESS)")
	}
	return bus.Close()
}

// Errors that tell that nobody on the bus keeps secrets (D-Bus Specification, "Standard errors"; Secret Service API, "Errors").
var meanings = map[string]error{
	"org.freedesktop.DBus.Error.ServiceUnknown": ErrAbsent,
	"org.freedesktop.DBus.Error.NameHasNoOwner": ErrAbsent,
	"org.freedesktop.Secret.Error.IsLocked":     ErrLocked,
}

// meaning is what an error of the bus comes to; nil: nothing that is known.
func meaning(err error) error {
	var refused dbus.Error
	if errors.As(err, &refused) {
		if known, ok := meanings[refused.Name]; ok {
			return known
		}
	}
	return state()
}

// state asks the keyring itself what is the matter: go-keyring has no error of its own for one that its owner did not unlock,
// nor for a service that has none yet. Nil: nothing is.
func state() error {
	service, err := secrets.NewSecretService()
	if err != nil {
		return ErrAbsent
	}
	locked, err := service.GetLoginCollection().GetProperty("org.freedesktop.Secret.Collection.Locked")
	if err != nil {
		return ErrAbsent
	}
	if is, ok := locked.Value().(bool); ok && is {
		return ErrLocked
	}
	return nil
}
