import { describe, expect, it } from 'vitest';
import { Rooms } from '../../src/lane/rooms.js';

describe('rooms for decoded pictures', () => {
  it('are used again by what fits, each by one at a time', () => {
    const rooms = new Rooms(1000);
    const [first, second] = [rooms.take(100), rooms.take(100)];
    expect(first).not.toBe(second);
    expect(first.length).toBeGreaterThanOrEqual(100);
    rooms.give(first);
    expect(rooms.take(300)).not.toBe(first);
    expect(rooms.take(120)).toBe(first);
  });

  it('are scarce while more bytes are taken than may be taken for long', () => {
    const rooms = new Rooms(256);
    const taken = [rooms.take(128), rooms.take(128)];
    expect(rooms.areScarce).toBe(false);
    taken.push(rooms.take(1));
    expect(rooms.areScarce).toBe(true);
    for (const room of taken) rooms.give(room);
    expect(rooms.areScarce).toBe(false);
  });

  it('are let go where enough of them are empty', () => {
    const rooms = new Rooms(256);
    const taken = [rooms.take(128), rooms.take(128), rooms.take(128)];
    for (const room of taken) rooms.give(room);
    const again = [rooms.take(128), rooms.take(128), rooms.take(128)];
    expect(again.filter((room) => taken.includes(room))).toHaveLength(2);
  });
});
