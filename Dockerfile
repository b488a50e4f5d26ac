# Shardlite as an image: `docker build --tag shardlite .`. Built on the whole Node image, which has what SQLite is
# compiled with; run on the slim one, with nothing but what runs, by an ordinary user.
FROM node:24-bookworm AS build
WORKDIR /app
# First what changes seldom: its layer with compiled SQLite is taken again while the lock file stays the same.
COPY package.json package-lock.json ./
RUN npm install --no-save --no-fund --no-audit --include=dev
COPY . .
RUN node src/prepare.mjs \
 && npm prune --omit=dev --no-fund --no-audit \
 && rm -rf node_modules/better-sqlite3/deps node_modules/better-sqlite3/src node_modules/better-sqlite3/build/Release/obj*

FROM node:24-bookworm-slim
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
RUN ln -s /app/dist/src/cli/shardctl.js /usr/local/bin/shardctl && mkdir /data && chown node:node /data
USER node
# Within the container only: what is published is said where it is run. Under another name than a loopback one it is
# reached once that is said, too: any name would let web pages in that make their own resolve to this machine.
ENV NODE_ENV=production SHARDLITE_HOST=0.0.0.0 SHARDLITE_ALLOWED_HOSTS=localhost SHARDLITE_DATA=/data
VOLUME /data
EXPOSE 7700
HEALTHCHECK --interval=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:7700/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# The primary reaps what it forks, and drains on SIGTERM.
CMD ["node", "dist/src/cli/shardctl.js", "start"]
