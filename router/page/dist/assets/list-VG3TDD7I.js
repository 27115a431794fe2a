import{p as a,q as b}from"./chunk-D2P6LZI5.js";import"./chunk-BN7PR6PQ.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
