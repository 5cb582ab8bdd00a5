package format

// Kind is the kind of an object.
type Kind string

// The kinds of objects. Part of the durable format.
const (
	KindConfig       Kind = "config"
	KindKey          Kind = "key"
	KindData         Kind = "data"
	KindCatalog      Kind = "catalog"
	KindIndex        Kind = "index"
	KindManifest     Kind = "manifest"
	KindMark         Kind = "mark"
	KindCondemnation Kind = "condemnation"
	KindNote         Kind = "note"
	KindCheck        Kind = "check"
	KindRenewal      Kind = "renewal"
	KindErasure      Kind = "erasure"
	KindAlarm        Kind = "alarm" // its container is of KindManifest
)

// Folder returns the prefix of the names of objects of the kind, "" for a kind that this version
// does not know.
func (k Kind) Folder() string {
	switch k {
	case KindConfig, KindData, KindCatalog, KindIndex:
		return string(k) + "/"
	case KindKey:
		return "keys/"
	case KindManifest:
		return "manifests/"
	case KindMark:
		return "marks/"
	case KindCondemnation:
		return "condemned/"
	case KindNote:
		return "notes/"
	case KindCheck:
		return "checks/"
	case KindRenewal:
		return "renewals/"
	case KindErasure:
		return "erasures/"
	case KindAlarm:
		return "alarms/"
	}
	return ""
}
