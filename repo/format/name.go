package format

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// The names of objects. Part of the durable format.

// ObjectName returns the name of an object that is named by its kind and its hash alone.
func ObjectName(kind Kind, hash [32]byte) string { return kind.Folder() + hex.EncodeToString(hash[:]) }

// MaxConfigNumber bounds the number of a config, which has configDigits digits in its name.
const (
	MaxConfigNumber = 99_999_999
	configDigits    = 8
)

// ConfigName returns the name of a config.
func ConfigName(number uint64, hash [32]byte) string {
	return fmt.Sprintf("%s%0*d-%x", KindConfig.Folder(), configDigits, number, hash)
}

// ParseConfigName inverts ConfigName.
func ParseConfigName(name string) (number uint64, ok bool) {
	digits, hash, _ := strings.Cut(strings.TrimPrefix(name, KindConfig.Folder()), "-")
	_, ok = store.ParseHash(hash)
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, ok && err == nil && len(digits) == configDigits && number > 0
}

// ManifestName returns the name of a manifest in the folder of its account, which was put at a
// time.
func ManifestName(account string, put time.Time, hash [32]byte) string {
	return KindManifest.Folder() + account + "/" + Stamped(put, hash)
}

// ParseManifestName inverts ManifestName.
func ParseManifestName(name string) (account string, put time.Time, hash [32]byte, ok bool) {
	rest, manifest := strings.CutPrefix(name, KindManifest.Folder())
	account, rest, slash := strings.Cut(rest, "/")
	put, hash, right := parseStamped(rest)
	if !manifest || !slash || !right || len(account) != 32 || !isHex(account) {
		return "", time.Time{}, hash, false
	}
	return account, put, hash, true
}

// AlarmName returns the name of the alarm of a manifest.
func AlarmName(manifest string) string {
	return KindAlarm.Folder() + strings.TrimPrefix(manifest, KindManifest.Folder())
}

// ParseAlarmName inverts AlarmName.
func ParseAlarmName(name string) (manifest string, ok bool) {
	rest, ok := strings.CutPrefix(name, KindAlarm.Folder())
	manifest = KindManifest.Folder() + rest
	_, _, _, right := ParseManifestName(manifest)
	return manifest, ok && right
}

// Stamped returns the end of a name that holds a time. Such names sort the newest first.
func Stamped(put time.Time, hash [32]byte) string {
	return fmt.Sprintf("%016x-%x", uint64(math.MaxUint64)-uint64(put.UnixMilli()), hash)
}

// lastMillis is the end of the year 9999, the last that can be written as a date.
const lastMillis = 253402300799999

// parseStamped inverts Stamped.
func parseStamped(s string) (put time.Time, hash [32]byte, ok bool) {
	inverted, digits, dash := strings.Cut(s, "-")
	hash, right := store.ParseHash(digits)
	n, err := strconv.ParseUint(inverted, 16, 64)
	millis := math.MaxUint64 - n
	if !dash || !right || len(inverted) != 16 || !isHex(inverted) || err != nil || millis > lastMillis {
		return time.Time{}, hash, false
	}
	return time.UnixMilli(int64(millis)), hash, true
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && strings.ToLower(s) == s
}

// KindOf returns the kind of the object with a name. It reports whether that is a name of the kind.
func KindOf(name string) (Kind, bool) {
	folder, rest, _ := strings.Cut(name, "/")
	for _, kind := range []Kind{
		KindConfig, KindKey, KindData, KindCatalog, KindIndex, KindManifest, KindMark, KindCondemnation, KindNote,
		KindCheck, KindRenewal, KindErasure, KindAlarm,
	} {
		if folder+"/" == kind.Folder() {
			return kind, rightName(kind, name, rest)
		}
	}
	return "", false
}

func rightName(kind Kind, name, rest string) (ok bool) {
	switch kind {
	case KindConfig:
		_, ok = ParseConfigName(name)
	case KindManifest:
		_, _, _, ok = ParseManifestName(name)
	case KindAlarm:
		_, ok = ParseAlarmName(name)
	case KindCheck, KindRenewal:
		_, _, ok = parseStamped(rest)
	case KindKey:
		role, hash, _ := strings.Cut(rest, "-")
		_, ok = store.ParseHash(hash)
		ok = ok && role != ""
	default:
		_, ok = store.ParseHash(rest)
	}
	return ok
}

// MarkedName returns the name that a mark would have for an object: that of its manifest, if it is
// an alarm.
func MarkedName(name string) string {
	if manifest, ok := ParseAlarmName(name); ok {
		return manifest
	}
	return name
}
