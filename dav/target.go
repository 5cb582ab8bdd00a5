package dav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// Create implements collection.Target. The collection gets the last segment of the path of c in the
// first home of the user.
func (c *Client) Create(ctx context.Context, like collection.Collection) (collection.Collection, error) {
	if len(c.homes) == 0 {
		return like, errors.New("the URL is not that of a user with collections, so none can be made")
	}
	path := strings.TrimSuffix(like.Path, "/")
	name := path[strings.LastIndexByte(path, '/')+1:]
	home := *c.homes[0]
	if !strings.HasSuffix(home.Path, "/") {
		home.Path += "/"
	}
	u, err := home.Parse("./" + name + "/")
	if err != nil || name == "" || sameDirectory(u, &home) {
		return like, fmt.Errorf("%w: the path %.80q", ErrProtocol, like.Path)
	}
	made := like
	made.Path, made.SyncToken, made.CTag = u.EscapedPath(), "", ""
	r := request{method: "MKCOL", url: u, body: mkcol(c.names(), like)}
	if c.kind == collection.Calendars { // RFC 4791 section 5.3.1
		r.method, r.body = "MKCALENDAR", mkcalendar(like)
	}
	return made, c.do(ctx, r, written)
}

// property returns a property that a new collection gets. One without a value is nothing.
func property(name, value string) string {
	if value == "" {
		return ""
	}
	return "<" + name + ">" + escape(value) + "</" + name + ">"
}

// mkcalendar returns the body of a MKCALENDAR, which is empty for a calendar without properties.
func mkcalendar(like collection.Collection) string {
	var props strings.Builder
	props.WriteString(property("D:displayname", like.Name))
	for _, p := range like.Properties {
		switch p.Name {
		case "calendar-color", "calendar-order":
			props.WriteString(property("I:"+p.Name, p.Value))
		case "calendar-timezone":
			props.WriteString(property("C:"+p.Name, p.Value))
		case "description":
			props.WriteString(property("C:calendar-description", p.Value))
		case "components":
			props.WriteString("<C:supported-calendar-component-set>")
			for name := range strings.FieldsSeq(p.Value) {
				fmt.Fprintf(&props, `<C:comp name="%s"/>`, escape(name))
			}
			props.WriteString("</C:supported-calendar-component-set>")
		}
	}
	if props.Len() == 0 {
		return ""
	}
	return xmlHead + `<C:mkcalendar` + declarations + `><D:set><D:prop>` + props.String() + `</D:prop></D:set></C:mkcalendar>`
}

// mkcol returns the body of an extended MKCOL (RFC 5689). sabre/dav refuses properties of calendars
// in it, which a backup of a Radicale may have.
func mkcol(names kindNames, like collection.Collection) string {
	props := `<D:resourcetype><D:collection/><A:` + names.resource + `/></D:resourcetype>` +
		property("D:displayname", like.Name)
	for _, p := range like.Properties {
		if p.Name == "description" {
			props += property("A:addressbook-description", p.Value)
		}
	}
	return xmlHead + `<D:mkcol` + declarations + `><D:set><D:prop>` + props + `</D:prop></D:set></D:mkcol>`
}

// Put implements collection.Target.
func (c *Client) Put(
	ctx context.Context, of collection.Collection, item collection.Item, old *collection.Listed,
) error {
	u, err := c.urlOf(of)
	if err != nil {
		return err
	}
	at, err := c.itemURL(u, item.Name)
	if err != nil {
		return err
	}
	header := map[string]string{"Content-Type": c.names().media}
	switch {
	case old == nil:
		header["If-None-Match"] = "*"
	case old.ETag == "":
		return fmt.Errorf("%w, and the server gives it no ETag, so it is not replaced", collection.ErrExists)
	default:
		header["If-Match"] = old.ETag
	}
	err = c.do(ctx, request{http.MethodPut, at, header, string(item.Content)}, written)
	if statusOfError(err) == http.StatusPreconditionFailed {
		return collection.ErrExists
	}
	return err
}

// Delete implements collection.Target.
func (c *Client) Delete(ctx context.Context, of collection.Collection, item collection.Listed) error {
	u, err := c.urlOf(of)
	if err != nil {
		return err
	}
	at, err := c.itemURL(u, item.Name)
	if err != nil {
		return err
	}
	if item.ETag == "" {
		return errors.New("the server gives it no ETag, so it may have changed")
	}
	r := request{method: http.MethodDelete, url: at, header: map[string]string{"If-Match": item.ETag}}
	err = c.do(ctx, r, written)
	switch {
	case statusOfError(err) == http.StatusPreconditionFailed:
		return collection.ErrExists
	case isNotFound(err):
		return collection.ErrGone
	}
	return err
}

// DeleteCollection implements collection.Target.
func (c *Client) DeleteCollection(ctx context.Context, of collection.Collection) error {
	u, err := c.urlOf(of)
	if err != nil {
		return err
	}
	return c.do(ctx, request{method: http.MethodDelete, url: u}, written)
}

// WritesAtOnce implements collection.Target.
func (c *Client) WritesAtOnce() int { return atOnce }

// written returns an error unless an answer of the class 2xx to a request that changes something
// says that the change was made. A page to log in has the status 200, and an answer about each of
// several resources says what was not done (RFC 4918 section 9.6.1).
func written(answer *http.Response) error {
	switch {
	case answer.StatusCode == http.StatusMultiStatus:
		return &StatusError{Status: answer.StatusCode}
	case answer.StatusCode == http.StatusOK && isHTML(answer.Header.Get("Content-Type")):
		return fmt.Errorf("%w: it is a web page, perhaps to log in", ErrProtocol)
	}
	return nil
}
