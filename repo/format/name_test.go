package format

import (
	"testing"
	"time"
)

// An alarm has the name of its manifest in another folder, and no other name is one of an alarm.
func TestAlarmNames(t *testing.T) {
	const account = "0ce2e8589c2226b5feffe35eb440816c"
	manifest := ManifestName(account, time.UnixMilli(1775008800000), [32]byte{0x4d, 0x0c})
	name := AlarmName(manifest)
	if want := "alarms/" + account + "/fffffe62b93b22ff-4d0c"; name[:len(want)] != want {
		t.Errorf("the alarm of %s is %s", manifest, name)
	}
	if got, ok := ParseAlarmName(name); !ok || got != manifest {
		t.Errorf("%s is the alarm of %s, %t", name, got, ok)
	}
	if kind, ok := KindOf(name); kind != KindAlarm || !ok {
		t.Errorf("%s is a %s, %t", name, kind, ok)
	}
	for _, other := range []string{manifest, "alarms/", "alarms/" + account, "alarms/x" + name[8:], name + "0", "alarms/" + name} {
		if got, ok := ParseAlarmName(other); ok {
			t.Errorf("%s is the alarm of %s", other, got)
		}
	}
}
