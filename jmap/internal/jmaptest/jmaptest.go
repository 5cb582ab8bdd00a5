// Package jmaptest is a server of JMAP in memory that misbehaves as a test wants: it checks what a
// real server never does.
package jmaptest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// Mail is a message.
type Mail struct {
	ID, Body, Date  string
	Boxes, Keywords map[string]bool

	created, changed, destroyed int // states
}

// Box is a mailbox.
type Box struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Parent any    `json:"parentId"`
	Role   any    `json:"role"`
	Emails int    `json:"totalEmails"`
}

// Object is an object of JSON.
type Object = map[string]any

// Server is the server, and a http.RoundTripper that reaches it.
type Server struct {
	Boxes  []Box
	Limits Object // of the session
	Dedup  bool   // it keeps one copy of equal messages, as Cyrus does

	// Answer answers a request in place of the server, if it returns true.
	Answer func(w http.ResponseWriter, r *http.Request) bool

	// Before is called before each method. It returns the type of an error to answer with, or "".
	Before func(name string, args Object) string

	// After may change the answer of a method.
	After func(name string, args, result Object)

	mu        sync.Mutex
	mails     []*Mail
	uploads   map[string]string
	state     int
	Forgotten int // states up to this one are forgotten
	Downloads int
	Requests  int
}

// New returns a server with Inbox and Trash.
func New() *Server {
	return &Server{
		uploads: make(map[string]string),
		Boxes:   []Box{{ID: "in", Name: "Inbox", Role: "inbox"}, {ID: "tr", Name: "Trash", Role: "trash"}},
	}
}

// Add adds a message to mailboxes.
func (s *Server) Add(body string, boxes ...string) *Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(&Mail{Body: body, Date: "2026-03-08T13:30:00Z", Boxes: set(boxes), Keywords: map[string]bool{}})
}

func (s *Server) add(m *Mail) *Mail {
	s.state++
	m.ID = cmp.Or(m.ID, fmt.Sprint("m", len(s.mails)))
	m.created, m.changed = s.state, s.state
	s.mails = append(s.mails, m)
	return m
}

// Change calls change with a message, which has changed then.
func (s *Server) Change(m *Mail, change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.state++
	m.changed = s.state
}

// Destroy removes a message.
func (s *Server) Destroy(m *Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state++
	m.destroyed = s.state
}

// Mails returns the messages.
func (s *Server) Mails() (list []*Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.there()
}

func (s *Server) there() []*Mail {
	return slices.DeleteFunc(slices.Clone(s.mails), func(m *Mail) bool { return m.destroyed > 0 })
}

// Take returns how many requests and downloads there were, and begins again.
func (s *Server) Take() (requests, downloads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, downloads, s.Requests, s.Downloads = s.Requests, s.Downloads, 0, 0
	return requests, downloads
}

func set(names []string) map[string]bool {
	all := make(map[string]bool)
	for _, name := range names {
		all[name] = true
	}
	return all
}

// RoundTrip implements http.RoundTripper.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.Requests++
	s.mu.Unlock()
	if s.Answer != nil && s.Answer(w, r) {
		return
	}
	switch path := r.URL.Path; {
	case path == "/.well-known/jmap":
		s.session(w)
	case path == "/api":
		s.api(w, r)
	case strings.HasPrefix(path, "/download/"):
		s.download(w, strings.TrimPrefix(path, "/download/"))
	case path == "/upload":
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		id := fmt.Sprint("up", len(s.uploads))
		s.uploads[id] = string(body)
		s.mu.Unlock()
		write(w, Object{"blobId": id, "size": len(body)})
	default:
		http.NotFound(w, r)
	}
}

func write(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (s *Server) session(w http.ResponseWriter) {
	const mail = "urn:ietf:params:jmap:mail"
	write(w, Object{
		"capabilities":    Object{"urn:ietf:params:jmap:core": s.Limits, mail: Object{}},
		"accounts":        Object{"a": Object{"name": "anna", "accountCapabilities": Object{mail: Object{}}}},
		"primaryAccounts": Object{mail: "a"},
		"apiUrl":          "/api", "downloadUrl": "/download/{blobId}?a={accountId}&n={name}&t={type}", "uploadUrl": "/upload?{accountId}",
	})
}

func (s *Server) download(w http.ResponseWriter, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Downloads++
	for _, m := range s.there() {
		if "b"+m.ID == id {
			w.Header().Set("Content-Type", "message/rfc822")
			_, _ = io.WriteString(w, m.Body)
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	var request struct{ MethodCalls []json.RawMessage }
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var responses []any
	results := make(map[string]Object)
	for _, raw := range request.MethodCalls {
		var parts [3]json.RawMessage
		var name, id string
		var args Object
		_ = json.Unmarshal(raw, &parts)
		_, _, _ = json.Unmarshal(parts[0], &name), json.Unmarshal(parts[1], &args), json.Unmarshal(parts[2], &id)
		if ref, ok := args["#ids"].(map[string]any); ok {
			args["ids"] = results[ref["resultOf"].(string)][strings.TrimPrefix(ref["path"].(string), "/")]
			if args["ids"] == nil {
				responses = append(responses, []any{"error", Object{"type": "invalidResultReference"}, id})
				continue
			}
		}
		result, failed := s.call(name, args)
		if failed != "" {
			responses = append(responses, []any{"error", Object{"type": failed}, id})
			continue
		}
		if s.After != nil {
			s.After(name, args, result)
		}
		results[id] = result
		responses = append(responses, []any{name, result, id})
	}
	write(w, Object{"methodResponses": responses, "sessionState": "0"})
}

func (s *Server) call(name string, args Object) (result Object, failed string) {
	if s.Before != nil {
		if failed := s.Before(name, args); failed != "" {
			return nil, failed
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch name {
	case "Mailbox/get":
		return Object{"state": "0", "list": s.counted()}, ""
	case "Mailbox/set":
		return s.setBoxes(args), ""
	case "Email/get":
		return s.get(args), ""
	case "Email/query":
		return s.query(args), ""
	case "Email/changes":
		return s.changes(args)
	case "Email/set":
		if state, ok := args["ifInState"]; ok && state != s.stateName() {
			return nil, "stateMismatch"
		}
		return s.set(args), ""
	case "Email/import":
		return s.importMails(args), ""
	}
	return nil, "unknownMethod"
}

// counted returns the mailboxes with the numbers of their messages.
func (s *Server) counted() []Box {
	all := append([]Box{}, s.Boxes...)
	for i := range all {
		for _, m := range s.there() {
			if m.Boxes[all[i].ID] {
				all[i].Emails++
			}
		}
	}
	return all
}

func (s *Server) stateName() string { return fmt.Sprint("s", s.state) }

func texts(list any) (all []string) {
	if all, ok := list.([]string); ok {
		return all
	}
	some, _ := list.([]any)
	for _, text := range some {
		all = append(all, text.(string))
	}
	return all
}

func (s *Server) get(args Object) Object {
	list, missing := []any{}, []string{}
	for _, id := range texts(args["ids"]) {
		at := slices.IndexFunc(s.mails, func(m *Mail) bool { return m.ID == id && m.destroyed == 0 })
		if at < 0 {
			missing = append(missing, id)
			continue
		}
		m := s.mails[at]
		list = append(list, Object{
			"id": m.ID, "blobId": "b" + m.ID, "threadId": "t" + m.ID, "size": len(m.Body), "receivedAt": m.Date,
			"mailboxIds": maps.Clone(m.Boxes), "keywords": maps.Clone(m.Keywords),
		})
	}
	return Object{"state": s.stateName(), "list": list, "notFound": missing}
}

func (s *Server) query(args Object) Object {
	ids := []string{}
	for _, m := range s.there() {
		if filter, ok := args["filter"].(map[string]any); !ok || m.Boxes[filter["inMailbox"].(string)] {
			ids = append(ids, m.ID)
		}
	}
	total := len(ids)
	position, limit := int(number(args["position"])), int(number(args["limit"]))
	ids = ids[min(position, total):]
	if limit > 0 {
		ids = ids[:min(limit, len(ids))]
	}
	return Object{"queryState": s.stateName(), "ids": ids, "position": position, "total": total}
}

func number(value any) (n float64) { n, _ = value.(float64); return n }

func (s *Server) changes(args Object) (Object, string) {
	var since int
	if n, _ := fmt.Sscanf(args["sinceState"].(string), "s%d", &since); n != 1 || since < s.Forgotten {
		return nil, "cannotCalculateChanges"
	}
	most := int(number(args["maxChanges"]))
	now := s.state
	if most > 0 && now-since > most {
		now = since + most
	}
	created, updated, destroyed := []string{}, []string{}, []string{}
	in := func(state int) bool { return since < state && state <= now }
	for _, m := range s.mails {
		switch {
		case in(m.destroyed) && in(m.created):
		case in(m.destroyed):
			destroyed = append(destroyed, m.ID)
		case in(m.created):
			created = append(created, m.ID)
		case in(m.changed):
			updated = append(updated, m.ID)
		}
	}
	return Object{
		"oldState": fmt.Sprint("s", since), "newState": fmt.Sprint("s", now), "hasMoreChanges": now < s.state,
		"created": created, "updated": updated, "destroyed": destroyed,
	}, ""
}

// Forget drops uploads, as a server does after some time.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.uploads)
}

// Page is an answer for people.
func Page(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<html><form>Please log in</form></html>")
}
