package jmaptest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (s *Server) setBoxes(args Object) Object {
	created, destroyed, not := Object{}, []string{}, Object{}
	for _, id := range texts(args["destroy"]) {
		switch {
		case slices.ContainsFunc(s.there(), func(m *Mail) bool { return m.Boxes[id] }):
			not[id] = Object{"type": "mailboxHasEmail"}
		case slices.ContainsFunc(s.Boxes, func(b Box) bool { return b.Parent == any(id) }):
			not[id] = Object{"type": "mailboxHasChild"}
		default:
			s.Boxes = slices.DeleteFunc(s.Boxes, func(b Box) bool { return b.ID == id })
			destroyed = append(destroyed, id)
		}
	}
	create, _ := args["create"].(map[string]any)
	for key, value := range create {
		object := value.(map[string]any)
		box := Box{
			ID: fmt.Sprint("box", len(s.Boxes)), Name: object["name"].(string), Parent: object["parentId"],
			Role: object["role"],
		}
		s.Boxes = append(s.Boxes, box)
		created[key] = Object{"id": box.ID}
	}
	return Object{"created": created, "destroyed": destroyed, "notDestroyed": not}
}

func (s *Server) set(args Object) Object {
	updated, destroyed := Object{}, []string{}
	update, _ := args["update"].(map[string]any)
	for id, patch := range update {
		for _, m := range s.there() {
			if m.ID == id {
				m.patch(patch.(map[string]any))
				s.state++
				m.changed, updated[id] = s.state, nil
			}
		}
	}
	for _, id := range texts(args["destroy"]) {
		for _, m := range s.there() {
			if m.ID == id {
				s.state++
				m.destroyed, destroyed = s.state, append(destroyed, id)
			}
		}
	}
	return Object{"updated": updated, "destroyed": destroyed}
}

// patch changes the mailboxes or the keywords of a message.
func (m *Mail) patch(patch map[string]any) {
	for path, value := range patch {
		box, isBox := strings.CutPrefix(path, "mailboxIds/")
		switch {
		case !isBox:
			m.Keywords = trueKeys(value)
		case value == nil:
			delete(m.Boxes, box)
		default:
			m.Boxes[box] = true
		}
	}
}

func (s *Server) importMails(args Object) Object {
	created, not := Object{}, Object{}
	emails := args["emails"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(emails)) {
		object := emails[key].(map[string]any)
		body, there := s.uploads[object["blobId"].(string)]
		same := slices.IndexFunc(s.mails, func(m *Mail) bool { return m.Body == body && m.destroyed == 0 })
		switch {
		case !there:
			not[key] = Object{"type": "blobNotFound"}
		case s.Dedup && same >= 0:
			not[key] = Object{"type": "alreadyExists", "existingId": s.mails[same].ID}
		default:
			m := &Mail{Body: body, Boxes: trueKeys(object["mailboxIds"]), Keywords: trueKeys(object["keywords"])}
			m.Date, _ = object["receivedAt"].(string)
			created[key] = Object{"id": s.add(m).ID, "size": len(body)}
		}
	}
	return Object{"oldState": "", "newState": s.stateName(), "created": created, "notCreated": not}
}

func trueKeys(value any) map[string]bool {
	all := make(map[string]bool)
	object, _ := value.(map[string]any)
	for key := range object {
		all[key] = true
	}
	return all
}
