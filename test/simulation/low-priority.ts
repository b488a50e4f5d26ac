/** What this process runs, and whatever it starts, takes the time that other processes leave. */

import { constants, setPriority } from 'node:os';

setPriority(constants.priority.PRIORITY_LOW);
