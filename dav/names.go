package dav

// The namespaces of properties.
const (
	davSpace     = "DAV:"
	calDAVSpace  = "urn:ietf:params:xml:ns:caldav"
	cardDAVSpace = "urn:ietf:params:xml:ns:carddav"
	csSpace      = "http://calendarserver.org/ns/"
	appleSpace   = "http://apple.com/ns/ical/"
	sabreSpace   = "http://sabredav.org/ns"
)

// declarations bind the prefixes that requests use.
const declarations = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="urn:ietf:params:xml:ns:carddav"` +
	` xmlns:S="http://calendarserver.org/ns/" xmlns:I="http://apple.com/ns/ical/"`

const xmlHead = `<?xml version="1.0" encoding="utf-8"?>` + "\n"

// propfind returns the body of a PROPFIND.
func propfind(props string) string {
	return xmlHead + `<D:propfind` + declarations + `><D:prop>` + props + `</D:prop></D:propfind>`
}
