package replicate_test

import (
	"reflect"
	"testing"

	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A copy and a repair have the access rights and annotations of the original.
func TestCopyHasTheProperties(t *testing.T) {
	from, a := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewAccount()
	a.Capabilities = append(a.Capabilities, "ACL")
	a.Mailbox("INBOX").Add("Subject: s\r\n\r\nhello\r\n")
	a.Properties = &archivetest.Properties{Of: map[string]mail.Properties{"INBOX": archivetest.Granted("jo", "lr", "mine")}}
	original := archivetest.Backup(t, from, a)
	want := archivetest.ArchivedProperties(t, from, original.Head)
	store := new(storetest.Memory)
	to := archivetest.NewRepo(t, store)
	copied, _ := archivetest.Copy(t, from, to)
	to = archivetest.Reopen(t, store)
	archivetest.MustBeSound(t, to)
	if got := archivetest.ArchivedProperties(t, to, copied[0].Head); !reflect.DeepEqual(got, want) || len(got) != 1 {
		t.Errorf("a copy has %+v, want %+v", got, want)
	}
	repaired, err := rewrite.Repair(t.Context(), to, copied[0].Head, rewrite.RepairOptions{})
	if err != nil || len(repaired.Lost) > 0 {
		t.Fatalf("a repair: %v, %v", repaired.Lost, err)
	}
}
