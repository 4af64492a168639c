package capture

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// message makes a netlink message of the packet log.
func message(attributes ...[]byte) []byte {
	b := make([]byte, netlinkHeader+logHeader)
	for _, a := range attributes {
		b = append(b, a...)
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], logPacket)
	return b
}

func TestEachLoss(t *testing.T) {
	at := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 1_700_000_000), 250_000)
	header := append(make([]byte, 12), 0x86, 0xdd)
	two := append(
		message(attribute(attrTime, at), attribute(attrPrefix, []byte("drop udp\x00")), attribute(attrPayload, []byte{0x45, 1, 2})),
		message(attribute(attrHeader, header), attribute(attrPayload, []byte{0x60, 7}))...)
	var got []loss
	if err := eachLoss(two, func(l loss) error { got = append(got, l); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 {
		t.Fatalf("%d packets; want 2", len(got))
	}
	if l := got[0]; l.fault != "drop udp" || !l.time.Equal(time.Unix(1_700_000_000, 250_000_000)) ||
		string(l.data) != string(make([]byte, 12))+"\x08\x00\x45\x01\x02" {
		t.Errorf("first packet %+v", l)
	}
	if l := got[1]; string(l.data) != string(header)+"\x60\x07" || time.Since(l.time) > time.Minute {
		t.Errorf("second packet %+v", l)
	}
}

func FuzzEachLoss(f *testing.F) {
	f.Add(message(attribute(attrPrefix, []byte("drop")), attribute(attrPayload, []byte{0x45})))
	f.Add(message(attribute(attrTime, make([]byte, 16)), attribute(attrPayload, []byte{})))
	f.Add(make([]byte, unix.SizeofNlMsghdr))
	f.Fuzz(func(t *testing.T, b []byte) {
		eachLoss(b, func(l loss) error {
			if len(l.data) < 15 {
				t.Errorf("a packet of %d bytes", len(l.data))
			}
			return nil
		})
	})
}
