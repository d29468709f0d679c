/** What is in the guides, and in which order. Titles of chapters are those of their texts in `docs/`. */

export const languages = ['en', 'ko'];

export const title = { en: 'Madang', ko: '마당' };

/** The first page, `docs/README.md`. */
export const front = 'README';

export const parts = [
  {
    title: { en: 'Begin', ko: '시작하기' },
    chapters: ['first-call', 'how-a-call-works', 'call-page'],
  },
  {
    title: { en: 'Your application', ko: '애플리케이션 만들기' },
    chapters: ['back-end', 'front-end', 'rest-api', 'events', 'errors', 'from-openvidu'],
  },
  {
    title: { en: 'Run a server', ko: '서버 운영하기' },
    chapters: [
      'packages',
      'one-machine',
      'deploy',
      'certificates',
      'network',
      'settings',
      'command-line',
      'scaling',
      'security',
    ],
  },
  {
    title: { en: 'See what happens', ko: '들여다보기' },
    chapters: ['dashboard', 'troubleshooting', 'doctor', 'monitoring', 'benchmarks'],
  },
  {
    title: { en: 'Media', ko: '미디어' },
    chapters: [
      'recording',
      'broadcast',
      'ip-cameras',
      'filters',
      'virtual-background',
      'speech-to-text',
      'transcoding',
      'whip',
    ],
  },
];

export const chapters = [front, ...parts.flatMap((part) => part.chapters)];
