package restore

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// route says which archived messages go to one mailbox of the target. The mailbox is the same in
// the archive and in the target, unless labels become mailboxes.
type route struct {
	mail.Mailbox                   // the mailbox of the target
	from         *manifest.Mailbox // the mailbox of the archive
	uids         *mail.UIDSet      // the messages of from; nil: all
	messages     int64             // that should be in the target
	bytes        int64
}

// count returns how many mailboxes a report counts: none for a level of names above mailboxes,
// which holds no messages.
func (rt *route) count() int64 {
	if rt.Selectable() {
		return 1
	}
	return 0
}

// chooseRoutes returns the routes of the restore.
func (r *restorer) chooseRoutes(ctx context.Context) ([]*route, error) {
	namespaces, err := r.namespaces(ctx)
	if err != nil {
		return nil, err
	}
	all, err := r.readable(ctx)
	if err != nil {
		return nil, err
	}
	router, err := r.newLabelRouter(ctx, all)
	if err != nil {
		return nil, err
	}
	sources := slices.DeleteFunc(slices.Clone(all), func(m *manifest.Mailbox) bool {
		return !r.wants(m) && !router.needs(m) || m.Label && !r.keepsLabels
	})
	if r.Pick != nil {
		if sources, err = r.selectMessages(ctx, sources); err != nil {
			return nil, err
		}
	}
	var list []*route
	for _, m := range sources {
		if router != nil && m == router.allMail {
			if err := router.read(ctx); err != nil {
				return nil, err
			}
			continue
		}
		rt := &route{Mailbox: m.Mailbox, from: m, messages: m.Messages, bytes: m.Bytes}
		if p := r.picked[m]; p != nil {
			rt.messages, rt.bytes = p.messages, p.bytes
		}
		list = append(list, rt)
	}
	list = append(list, router.routes()...)
	stripNamespace(list, all, namespaces)
	r.inform(all, namespaces)
	for _, rt := range list {
		r.reporter.expect(rt)
	}
	return list, nil
}

// inform calls Inform if the target is Informed.
func (r *restorer) inform(all []*manifest.Mailbox, namespaces []mail.Namespace) {
	target, ok := r.Target.(Informed)
	if !ok {
		return
	}
	list := make([]*route, len(all))
	for i, m := range all {
		list[i] = &route{Mailbox: m.Mailbox, from: m}
	}
	stripNamespace(list, all, namespaces)
	target.Inform(ArchiveInfo{mailboxesOf(list), r.Contents.MessageHasher})
}

func (r *restorer) wants(m *manifest.Mailbox) bool { return r.Mailboxes == nil || r.Mailboxes(m) }

// namespaces returns those of the server that was archived. If they cannot be read, there are none,
// and a failure.
func (r *restorer) namespaces(ctx context.Context) ([]mail.Namespace, error) {
	server, err := r.Contents.Server(ctx)
	if err != nil {
		err = r.reportDamage(ctx, Problem{}, err)
	}
	return server.Namespaces, err
}

// readable returns the mailboxes of the manifest. It records a table that cannot be read as a
// failure.
func (r *restorer) readable(ctx context.Context) ([]*manifest.Mailbox, error) {
	var all []*manifest.Mailbox
	for mailbox, err := range r.Contents.Mailboxes(ctx) {
		if err != nil {
			if err := r.reportDamage(ctx, Problem{}, err); err != nil {
				return nil, err
			}
			continue
		}
		all = append(all, mailbox)
	}
	return all, nil
}

// labelRouter routes the messages of Gmail's All Mail to the mailboxes of their labels. If each
// message is added once, it routes those that have a wanted label to All Mail.
type labelRouter struct {
	restorer  *restorer
	allMail   *manifest.Mailbox // All Mail
	byLabel   map[string]*route // by label; nil: the mailbox of the label is not wanted, or there is none
	order     []*route
	unlabeled *route // All Mail, for messages without a route; nil: it is not wanted
	once      bool   // each message is added once, so all labels have the same route
}

// newLabelRouter is nil where nothing is to be routed: without labels in the manifest, and where
// each message is added once and All Mail is wanted.
func (r *restorer) newLabelRouter(ctx context.Context, all []*manifest.Mailbox) (*labelRouter, error) {
	at := slices.IndexFunc(all, func(m *manifest.Mailbox) bool { return m.Has(`\All`) && !m.Label })
	hasLabels := slices.ContainsFunc(all, func(m *manifest.Mailbox) bool { return m.Label })
	if at < 0 || !hasLabels {
		return nil, nil
	}
	if k, ok := r.Target.(LabelKeeper); ok && r.Labels == LabelsAsMailboxes {
		var err error
		if r.keepsLabels, err = k.KeepsLabels(ctx); err != nil {
			return nil, err
		}
	}
	lr := &labelRouter{restorer: r, allMail: all[at], byLabel: make(map[string]*route)}
	if r.keepsLabels || r.Labels != LabelsAsMailboxes {
		if r.wants(lr.allMail) {
			return nil, nil
		}
		lr.once = true
	}
	lr.routeLabels(all)
	return lr, nil
}

// routeLabels prepares the routes of the wanted mailboxes.
func (lr *labelRouter) routeLabels(all []*manifest.Mailbox) {
	r := lr.restorer
	for _, m := range all {
		switch {
		case !r.wants(m):
		case m == lr.allMail:
			lr.unlabeled = lr.add(m.Mailbox)
		case m.Label:
			rt := lr.routeOf(m.Mailbox)
			for _, key := range mail.LabelKeys(&m.Mailbox) {
				lr.byLabel[key] = rt
			}
		}
	}
}

// routeOf returns the route of a label with a mailbox: a new one, or that of all.
func (lr *labelRouter) routeOf(mailbox mail.Mailbox) *route {
	switch {
	case !lr.once:
		return lr.add(mailbox)
	case len(lr.order) == 0:
		lr.add(lr.allMail.Mailbox)
	}
	return lr.order[0]
}

func (lr *labelRouter) add(mailbox mail.Mailbox) *route {
	mailbox.Label = false
	rt := &route{Mailbox: mailbox, from: lr.allMail, uids: new(mail.UIDSet)}
	lr.order = append(lr.order, rt)
	return rt
}

// needs reports whether the mailbox is All Mail and its messages are routed.
func (lr *labelRouter) needs(m *manifest.Mailbox) bool {
	return lr != nil && m == lr.allMail && len(lr.order) > 0
}

// read routes all messages of All Mail.
func (lr *labelRouter) read(ctx context.Context) error {
	r, picked := lr.restorer, lr.restorer.picked[lr.allMail]
	for page, err := range r.Contents.Ahead(ctx, r.Contents.Pages(ctx, lr.allMail)) {
		var entries []manifest.Entry
		if err == nil {
			entries, err = r.Contents.Page(ctx, lr.allMail, page)
		}
		if err != nil {
			if err := r.reportDamage(ctx, Problem{Mailbox: lr.allMail.Name}, err); err != nil {
				return err
			}
		}
		for i := range entries {
			if wanted, spare := picked.wants(&entries[i]); wanted || spare {
				lr.route(&entries[i], wanted)
			}
		}
	}
	return nil
}

// route routes one message. counts says whether it counts as to be restored.
func (lr *labelRouter) route(e *manifest.Entry, counts bool) {
	var into []*route
	for _, label := range e.Labels {
		if rt := lr.routeFor(label); rt != nil && !slices.Contains(into, rt) {
			into = append(into, rt)
		}
	}
	if len(into) == 0 && lr.unlabeled != nil {
		into = append(into, lr.unlabeled)
	}
	for _, rt := range into {
		rt.uids.Add(e.UID)
		if counts {
			rt.messages++
			rt.bytes += e.Size
		}
	}
}

// routeFor returns the route of a label. A label that the user hides from IMAP has no mailbox in
// the manifest, so it gets one.
func (lr *labelRouter) routeFor(label string) *route {
	key := mail.LabelKey(label)
	rt, known := lr.byLabel[key]
	if !known && key[0] != '\\' {
		hidden := mail.Mailbox{Raw: label, Name: key, Delimiter: lr.allMail.Delimiter}
		if lr.restorer.wants(&manifest.Mailbox{Mailbox: hidden}) {
			rt = lr.routeOf(hidden)
		}
		lr.byLabel[key] = rt
	}
	return rt
}

// routes returns the routes. It omits All Mail if it is empty, because it is then no mailbox of the
// user's, and if messages are picked, all empty ones.
func (lr *labelRouter) routes() []*route {
	if lr == nil {
		return nil
	}
	return slices.DeleteFunc(lr.order, func(rt *route) bool {
		return rt.uids.Len() == 0 && (rt == lr.unlabeled || lr.once || lr.restorer.Pick != nil)
	})
}

// maxInFolder returns how many messages the folder may have, because an open folder has all of them
// in memory. If only some messages of a mailbox are picked, the others may be there as well.
func (rt *route) maxInFolder() int64 {
	if rt.uids != nil { // from is All Mail, which has all messages
		return rt.messages
	}
	return rt.from.Messages
}

// reported reports whether err was recorded when the labels were read.
func (rt *route) reported(err error) bool {
	return rt.uids != nil && (archive.IsDamage(err) || errors.Is(err, archive.ErrFlags))
}
