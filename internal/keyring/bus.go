//go:build linux || netbsd || openbsd || (cgo && (freebsd || dragonfly))

package keyring

import (
	"errors"

	"github.com/godbus/dbus/v5"
	secrets "github.com/zalando/go-keyring/secret_service"
)

// reach checks that there is a session bus. Without one, go-keyring would start one with
// dbus-launch, which outlives this program and has no keyring either.
func reach() error {
	bus, err := dbus.SessionBusPrivateNoAutoStartup()
	if err != nil {
		return errors.New("the session has no D-Bus (DBUS_SESSION_BUS_ADDRESS)")
	}
	return bus.Close()
}

// meanings maps errors of the bus (D-Bus Specification, "Standard errors"; Secret Service API,
// "Errors").
var meanings = map[string]error{
	"org.freedesktop.DBus.Error.ServiceUnknown": ErrAbsent,
	"org.freedesktop.DBus.Error.NameHasNoOwner": ErrAbsent,
	"org.freedesktop.Secret.Error.IsLocked":     ErrLocked,
}

// meaning returns the meaning of an error of the bus, or nil.
func meaning(err error) error {
	var refused dbus.Error
	if errors.As(err, &refused) {
		if known, ok := meanings[refused.Name]; ok {
			return known
		}
	}
	return state()
}

// state asks the keyring for its state, because go-keyring has no error for a locked keyring, nor
// for a service without one. It returns nil if the keyring works.
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
