package collection

import "strings"

// SameETag reports whether two ETags are of one content, by the weak comparison (RFC 9110 section
// 8.8.3.2). A proxy makes the ETag of an answer weak that its server has as a strong one in a list,
// and some servers leave out the quotes there. An empty ETag is like no other.
func SameETag(a, b string) bool {
	return a != "" && b != "" && opaque(a) == opaque(b)
}

func opaque(etag string) string {
	etag = strings.TrimPrefix(etag, "W/")
	if inner, ok := strings.CutPrefix(etag, `"`); ok {
		return strings.TrimSuffix(inner, `"`)
	}
	return etag
}
