import { describe, expect, it } from 'vitest';
import { Rooms } from '../../src/lane/rooms.js';

describe('rooms for decoded pictures', () => {
  it('are used again by what fits, each by one at a time', () => {
    const rooms = new Rooms({ kept: 1000, spare: 1000 });
    const [first, second] = [rooms.take(100), rooms.take(100)];
    expect(first).not.toBe(second);
    expect(first.length).toBeGreaterThanOrEqual(100);
    rooms.give(first);
    expect(rooms.take(300)).not.toBe(first);
    expect(rooms.take(120)).toBe(first);
  });

  it('are scarce while more bytes are taken than may be taken for long', () => {
    const rooms = new Rooms({ kept: 256, spare: 256 });
    const taken = [rooms.take(128), rooms.take(128)];
    expect(rooms.areScarce).toBe(false);
    taken.push(rooms.take(1));
    expect(rooms.areScarce).toBe(true);
    for (const room of taken) rooms.give(room);
    expect(rooms.areScarce).toBe(false);
    expect(rooms.takenBytes).toBe(0);
  });

  it('are let go above what is kept and spare, those that were used longest ago first', () => {
    const rooms = new Rooms({ kept: 256, spare: 128 });
    const small = [rooms.take(128), rooms.take(128)];
    for (const room of small) rooms.give(room);
    // Pictures of another size come: what the first left makes place.
    const large = rooms.take(256);
    rooms.give(large);
    expect(rooms.take(256)).toBe(large);
    expect(small).toContain(rooms.take(128));
    expect(small).not.toContain(rooms.take(128));
  });
});
