"""级联: receive from an upper platform (回流), deliver to it (上报), and be the upper side of another city."""
