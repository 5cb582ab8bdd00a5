package prune

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/repo/store"
)

// segment returns a segment with n packs and n entries, of which some are of deleted packs.
func segment(n, gone int) listedSegment {
	return listedSegment{Object: store.Object{Name: fmt.Sprint(n), Size: int64(n)}, size: SegmentSize{n, n}, gone: SegmentSize{gone, gone}}
}

// segments returns segments of which nothing is deleted.
func segments(sizes ...int) (all []listedSegment) {
	for _, n := range sizes {
		all = append(all, segment(n, 0))
	}
	return all
}

func sizesOf(listed []listedSegment) (sizes []int) {
	for _, s := range listed {
		sizes = append(sizes, s.size.Packs)
	}
	return sizes
}

func TestChosenSegments(t *testing.T) {
	limits := Limits{Least: 4, Largest: SegmentSize{Packs: 1000, Entries: 1000}}
	for _, c := range []struct {
		name   string
		listed []listedSegment
		want   []int
	}{
		{"few", segments(1, 1, 1), nil},
		{"enough of similar size", segments(2, 1, 3, 1), []int{1, 1, 2, 3}},
		{"one much larger than the others together", segments(1, 1, 1, 1, 400), []int{1, 1, 1, 1}},
		{"one of which two do not fit into one", segments(501, 300, 300, 300, 300), []int{300, 300, 300, 300}},
		{"one with many entries of deleted packs", append(segments(1, 1), segment(8, 3)), []int{8}},
		{"one with few", append(segments(1, 1), segment(8, 2)), nil},
		{"one of deleted packs only, and the one that replaces it", append(segments(5, 3), segment(2, 2)), []int{2, 3}},
		{"nothing but deleted packs", []listedSegment{segment(2, 2)}, []int{2}},
	} {
		if got := sizesOf(limits.chosen(c.listed)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

// Segments are merged in groups that fit, those of deleted packs first.
func TestGroups(t *testing.T) {
	limits := Limits{Least: 4, Largest: SegmentSize{Packs: 10, Entries: 10}}
	for _, c := range []struct {
		name   string
		listed []listedSegment
		want   string
	}{
		{"all fit into one", segments(3, 3, 4), "[[3 3 4]]"},
		{"a group is full", segments(3, 3, 5, 5, 1), "[[3 3] [5 5] [1]]"},
		{"those of deleted packs are in the first group", append(segments(6, 6), segment(9, 9)), "[[6 9] [6]]"},
		{"nothing to put them into", []listedSegment{segment(9, 9)}, "[]"},
	} {
		var got [][]int
		for _, some := range limits.group(c.listed) {
			got = append(got, sizesOf(some))
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, not %s", c.name, got, c.want)
		}
	}
	limits.Largest = SegmentSize{Packs: 1000, Entries: 1000}
	if groups := limits.group(slices.Repeat(segments(1), mergeMost+1)); len(groups) != 2 || len(groups[0]) != mergeMost {
		t.Errorf("more than are merged at once: %d groups", len(groups))
	}
}
