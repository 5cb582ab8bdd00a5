package manifest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

func sampleProperties() []Properties {
	return []Properties{
		{Properties: mail.Properties{Annotations: []mail.Annotation{{Name: "/shared/admin", Value: "mailto:postmaster"}}}},
		{
			Properties: mail.Properties{
				Mailbox: "INBOX",
				Grants:  []mail.Grant{{Identifier: "-team", Rights: "x"}, {Identifier: "jo", Rights: "lrswipkxtea"}},
				Annotations: []mail.Annotation{
					{Name: "/private/comment", Value: ""}, {Name: "/private/vendor/x", Value: "\x00\xff\r\n"},
				},
				Omitted: []string{"/shared/vendor/large"},
			},
			Extensions: Extensions("\xa1\x05\x01"),
		},
		{Properties: mail.Properties{Mailbox: "Public/\xff", Rights: "lr"}},
	}
}

func samplePropertyManifest() *Manifest {
	m := sampleManifest()
	m.Properties, m.PropertiesAsked = ids(60), at(1_700_000_150)
	return m
}

func FuzzParseProperties(f *testing.F) { fuzz(f, "properties") }

// TestPropertyPages checks that what was put is read back, in pages that are not larger than a
// chunk.
func TestPropertyPages(t *testing.T) {
	store := chunkMap{}
	var list []Properties
	for i := range 60 {
		p := mail.Properties{Mailbox: fmt.Sprintf("%03d", i), Rights: "lr"}
		for j := range i % 17 {
			p.Annotations = append(p.Annotations, mail.Annotation{Name: fmt.Sprintf("/private/%02d", j), Value: strings.Repeat("x", 60_000)})
		}
		list = append(list, Properties{Properties: p})
	}
	var m Manifest
	if err := m.SetProperties(list, at(1_700_000_000), store.put); err != nil {
		t.Fatal(err)
	}
	if len(m.Properties) < 20 {
		t.Errorf("%d pages", len(m.Properties))
	}
	again, err := m.AllProperties(store.load)
	if err != nil || !reflect.DeepEqual(again, list) {
		t.Errorf("%d properties come back, %v", len(again), err)
	}
	if p, ok := PropertiesOf(again, "016"); !ok || len(p.Annotations) != 16 {
		t.Errorf("the properties of 016 are %t with %d annotations", ok, len(p.Annotations))
	}
	m.Properties[0], m.Properties[1] = m.Properties[1], m.Properties[0]
	if _, err := m.AllProperties(store.load); !errors.Is(err, ErrMalformed) {
		t.Errorf("pages in the wrong order: %v", err)
	}
}

// TestPropertiesRefused checks that an encoder refuses what contradicts itself or has two
// encodings.
func TestPropertiesRefused(t *testing.T) {
	for name, p := range map[string]mail.Properties{
		"no mailbox":       {Rights: "l"},
		"nothing":          {Mailbox: "a"},
		"both rights":      {Mailbox: "a", Rights: "l", Grants: []mail.Grant{{Identifier: "a", Rights: "l"}}},
		"a grant twice":    {Mailbox: "a", Grants: []mail.Grant{{Identifier: "a"}, {Identifier: "a"}}},
		"grants descend":   {Mailbox: "a", Grants: []mail.Grant{{Identifier: "b"}, {Identifier: "a"}}},
		"a value too long": {Mailbox: "a", Annotations: []mail.Annotation{{Name: "/a", Value: strings.Repeat("x", mail.MaxAnnotation+1)}}},
		"names descend":    {Mailbox: "a", Annotations: []mail.Annotation{{Name: "/b"}, {Name: "/a"}}},
	} {
		if _, err := EncodeProperties([]Properties{{Properties: p}}); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := samplePropertyManifest()
	m.PropertiesAsked = time.Time{}
	if _, err := m.Encode(); err == nil {
		t.Error("properties without a time are encoded")
	}
}
