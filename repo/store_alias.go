package repo

import "github.com/mailstrata/mailstrata/repo/store"

// Aliases for packages that do not import package store yet.
type (
	Store           = store.Store
	Object          = store.Object
	Versioned       = store.Versioned
	Version         = store.Version
	Retainer        = store.Retainer
	DefaultRetainer = store.DefaultRetainer
	Retention       = store.Retention
)

// Aliases likewise.
var (
	ErrNotExist   = store.ErrNotExist
	ErrExist      = store.ErrExist
	ErrPermission = store.ErrPermission
	ErrRange      = store.ErrRange
	ErrRetained   = store.ErrRetained
)

// ValidName is store.ValidName.
func ValidName(name string) bool { return store.ValidName(name) }
