package access

import (
	"errors"
)

var (
	// ErrNoRepository is the error of a store without a config.
	ErrNoRepository = errors.New("there is no repository here")

	// ErrRepository is the error of Init in a store that holds a repository.
	ErrRepository = errors.New("there is a repository here already")

	// ErrWrongKey is the error of opening a repository if neither the key file nor the passphrase
	// opens a key slot.
	ErrWrongKey = errors.New("this key or passphrase does not open this repository")

	// ErrNoSlots is the error of opening a repository that has lost all its key slots. Without one,
	// no key opens it.
	ErrNoSlots = errors.New("its objects in keys/ are gone, and no key opens it without them")

	// ErrNoOtherSlot is the error of opening a repository that has a damaged key slot, if no other
	// one opens.
	ErrNoOtherSlot = errors.New("nothing else in keys/ opens with this key or passphrase")

	// ErrRemoved is the error of a key slot that the config no longer names.
	ErrRemoved = errors.New("this key was removed from the repository, or its keys were rotated without it")

	// ErrConfigRejected is the error of writing while a config of a higher number does not open
	// with this key.
	ErrConfigRejected = errors.New("another config may have replaced the one that this key opens")

	// ErrKeysChanged is the error of changing the keys or the lock after someone else has changed
	// them.
	ErrKeysChanged = errors.New("someone else changed the keys or the lock in the meantime: look at them, and try again")
)
